import type { BuildRequest, ContextSource } from "@berth/api/build";
import { invalidParameter } from "@berth/base";
import { formatPlatform, hostPlatform, type Platform } from "@berth/spec";
import type { GraphOptions, NamedContext } from "../graph/options.ts";
import { parseLintOptions } from "../parse/directives.ts";
import type { BaseImages } from "./images.ts";

/** What the graph is made with, for one platform of a request. */
export function graphOptions(
  request: BuildRequest,
  platform: Platform,
  excludes: readonly string[],
  images: BaseImages,
  signal: AbortSignal,
): GraphOptions {
  const platforms = request.platforms ?? [];
  const buildArgs: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.buildArgs ?? {}))
    if (value !== null) buildArgs[name] = value;
  if (request.sourceDateEpoch !== undefined) buildArgs.SOURCE_DATE_EPOCH ??= String(request.sourceDateEpoch);
  const namedContexts: Record<string, NamedContext> = {};
  for (const [name, source] of Object.entries(request.namedContexts ?? {}))
    namedContexts[name] = contextOf(name, source);
  const { networkMode } = request;
  return {
    ...(request.target && { target: request.target }),
    buildArgs,
    ...(request.labels && { labels: request.labels }),
    platform,
    platformIsDefault: platforms.length === 0,
    buildPlatform: hostPlatform(),
    multiPlatform: platforms.length > 1,
    ...(request.noCacheFilter && { noCacheFilter: request.noCacheFilter }),
    namedContexts,
    excludes: { context: [...excludes] },
    ...((networkMode === "none" || networkMode === "host") && { network: networkMode }),
    ...(request.severalNeedSlash && { severalNeedSlash: true }),
    ...(buildArgs.BUILDKIT_DOCKERFILE_CHECK && {
      lint: parseLintOptions(buildArgs.BUILDKIT_DOCKERFILE_CHECK),
    }),
    resolveImageConfig: (reference, wanted, options) =>
      options.layout === undefined
        ? images.resolve(reference, wanted, options.signal ?? signal)
        : images.resolveInLayout(options.layout, wanted, options.signal ?? signal),
    signal,
  };
}

function contextOf(name: string, source: ContextSource): NamedContext {
  switch (source.kind) {
    case "image":
      return { kind: "image", reference: source.reference };
    case "oci-layout":
      return { kind: "image", reference: "oci-layout", layout: name };
    case "target":
      return { kind: "target", name: source.name };
    default:
      return { kind: "files" };
  }
}

/** The platforms that are built, each once. @throws invalid-parameter */
export function platformsOf(request: BuildRequest): Platform[] {
  const platforms = request.platforms ?? [];
  if (platforms.length > 64) throw invalidParameter("too many platforms");
  if (platforms.length === 0) return [hostPlatform()];
  return [...new Map(platforms.map((platform) => [formatPlatform(platform), platform])).values()];
}
