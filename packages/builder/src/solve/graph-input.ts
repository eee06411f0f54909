import type { BuildRequest, ContextSource } from "@berth/api/build";
import { invalidParameter, notImplemented } from "@berth/base";
import { hostPlatform, type Platform } from "@berth/spec";
import type { GraphOptions, NamedContext } from "../graph/options.ts";
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
    namedContexts[name] = contextOf(source);
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
    resolveImageConfig: (reference, wanted, options) => {
      if (options.layout !== undefined) {
        throw notImplemented(`the build context oci-layout://${options.layout} is not supported`, {
          hint: "Load it with `berth load`, and use docker-image://NAME.",
        });
      }
      return images.resolve(reference, wanted, options.signal ?? signal);
    },
    signal,
  };
}

function contextOf(source: ContextSource): NamedContext {
  switch (source.kind) {
    case "image":
      return { kind: "image", reference: source.reference };
    case "oci-layout":
      return { kind: "image", reference: source.reference, layout: source.reference };
    case "target":
      return { kind: "target", name: source.name };
    default:
      return { kind: "files" };
  }
}

/** The platforms that are built. @throws invalid-parameter for one given twice */
export function platformsOf(request: BuildRequest): Platform[] {
  const platforms = request.platforms ?? [];
  if (platforms.length > 64) throw invalidParameter("too many platforms");
  return platforms.length === 0 ? [hostPlatform()] : [...platforms];
}
