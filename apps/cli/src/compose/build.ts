/** Images of services, built as `berth build` builds them. */
import { resolve } from "node:path";
import { type ImageBuilder, imageNameOf, type NamedService, serviceOf, type Target } from "@berth/compose";
import { isRemote } from "../build/context-argument.ts";
import { BUILD_FLAGS } from "../build/flags.ts";
import type { Context } from "../context.ts";
import { CommandError } from "../errors.ts";
import { parseFlags } from "../flags/parse.ts";
import { inputOf } from "../io/stdin.ts";

type Request = Parameters<ImageBuilder["build"]>[2];

const SERVICE = "service:";

/** Builds one after another: those whose images others build on first. @throws CommandError, ExitStatus */
export async function buildServices(
  context: Context,
  target: Target,
  services: readonly NamedService[],
  request: Request,
): Promise<void> {
  const { runBuild } = await import("../build/run-build.ts");
  for (const service of inBuildOrder(target, services)) {
    const { path, words, stdin } = buildWords(target, service, request);
    const { values } = parseFlags(BUILD_FLAGS, words);
    const own =
      stdin === undefined ? context : { ...context, stdin: inputOf([new TextEncoder().encode(stdin)]) };
    await runBuild(own, values, path);
  }
}

/** The service's build as words of a command line. @throws CommandError */
export function buildWords(
  target: Target,
  service: NamedService,
  request: Request,
): { path: string; words: string[]; stdin?: string } {
  const build = service.build ?? {};
  const path = build.context ?? target.workingDirectory;
  const words: string[] = [];
  const flag = (name: string, value: string | undefined) => {
    if (value !== undefined && value !== "") words.push(`--${name}=${value}`);
  };
  const pairs = (name: string, values: Readonly<Record<string, string | null>> | undefined) => {
    for (const [key, value] of Object.entries(values ?? {})) {
      flag(name, value === null ? key : `${key}=${value}`);
    }
  };
  flag("tag", request.imageNames.get(service.name) ?? imageNameOf(target.project, service));
  for (const tag of build.tags ?? []) flag("tag", tag);
  if (build.dockerfile_inline !== undefined) flag("file", "-");
  else if (build.dockerfile) {
    flag("file", isRemote(path) ? build.dockerfile : resolve(path, build.dockerfile));
  }
  pairs("build-arg", build.args);
  for (const argument of request.arguments ?? []) flag("build-arg", argument);
  pairs("label", build.labels);
  for (const [name, source] of Object.entries(build.additional_contexts ?? {})) {
    flag("build-context", `${name}=${contextOf(target, source, request)}`);
  }
  for (const [host, addresses] of Object.entries(build.extra_hosts ?? {})) {
    for (const address of addresses) flag("add-host", `${host}:${address}`);
  }
  for (const [id, source] of Object.entries(build.ssh ?? {})) flag("ssh", source ? `${id}=${source}` : id);
  flag("ssh", request.ssh);
  for (const reference of build.secrets ?? []) flag("secret", secretOf(target, reference));
  for (const text of build.cache_from ?? []) flag("cache-from", text);
  for (const text of build.cache_to ?? []) flag("cache-to", text);
  for (const stage of build.no_cache_filter ?? []) flag("no-cache-filter", stage);
  for (const right of build.entitlements ?? []) flag("allow", right);
  if (build.privileged) flag("allow", "security.insecure");
  for (const [name, { single = 0, soft = single, hard = single }] of Object.entries(build.ulimits ?? {})) {
    flag("ulimit", `${name}=${soft}:${hard}`);
  }
  flag("target", build.target);
  flag("network", build.network);
  flag("shm-size", build.shm_size === undefined ? undefined : String(build.shm_size));
  flag("provenance", build.provenance);
  flag("sbom", build.sbom);
  flag("memory", request.memory);
  const platforms = build.platforms?.length ? build.platforms : service.platform ? [service.platform] : [];
  flag("platform", platforms.join(","));
  flag("progress", request.progress);
  if (build.no_cache || request.noCache) words.push("--no-cache");
  if (build.pull || request.pull) words.push("--pull");
  if (request.push && service.image) words.push("--push");
  if (request.quiet) words.push("--quiet");
  return {
    path,
    words,
    ...(build.dockerfile_inline !== undefined && { stdin: build.dockerfile_inline }),
  };
}

function contextOf(target: Target, source: string, request: Request): string {
  if (!source.startsWith(SERVICE)) return source;
  const name = source.slice(SERVICE.length);
  const service = serviceOf(target, name);
  if (service === undefined) throw new CommandError(`no such service: ${name}`);
  return `docker-image://${request.imageNames.get(name) ?? imageNameOf(target.project, service)}`;
}

function secretOf(target: Target, reference: { source: string; target?: string }): string {
  const definition = target.project.secrets[reference.source];
  const id = reference.target || reference.source;
  if (definition?.file !== undefined) return `id=${id},src=${definition.file}`;
  if (definition?.environment !== undefined) return `id=${id},env=${definition.environment}`;
  throw new CommandError(`build.secrets: unsupported external secret ${reference.source}`);
}

function inBuildOrder(target: Target, services: readonly NamedService[]): NamedService[] {
  const ordered = new Map<string, NamedService>();
  const open = new Set<string>();
  const visit = (service: NamedService): void => {
    if (ordered.has(service.name)) return;
    if (open.has(service.name)) throw new CommandError(`build dependency cycle at service ${service.name}`);
    open.add(service.name);
    for (const source of Object.values(service.build?.additional_contexts ?? {})) {
      const other = source.startsWith(SERVICE) ? serviceOf(target, source.slice(SERVICE.length)) : undefined;
      if (other?.build !== undefined) visit(other);
    }
    ordered.set(service.name, service);
  };
  for (const service of services) visit(service);
  return [...ordered.values()];
}
