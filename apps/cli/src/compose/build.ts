/** Images of services, built as `berth build` builds them. */
import { resolve } from "node:path";
import { type ImageBuilder, imageNameOf, type NamedService, serviceOf, type Target } from "@berth/compose";
import { isRemote } from "../build/context-argument.ts";
import { BUILD_FLAGS } from "../build/flags.ts";
import { labelled } from "../build/progress/labelled.ts";
import type { Context } from "../context.ts";
import { CommandError } from "../errors.ts";
import { parseFlags } from "../flags/parse.ts";
import { inputOf } from "../io/stdin.ts";

type Request = Parameters<ImageBuilder["build"]>[2];

const SERVICE = "service:";

/** Compose's exit status for a build that fails. */
const BUILD_FAILED = 17;

/**
 * Builds side by side, as far as none is the base of another, and shows it as one. After a failure the others are broken off.
 * @throws CommandError
 */
export async function buildServices(
  context: Context,
  target: Target,
  services: readonly NamedService[],
  request: Request,
): Promise<void> {
  const [{ explainFailure, interruptible, perform }, { buildFiles }, { progressView }, { BuildFailure }] =
    await Promise.all([
      import("../build/run-build.ts"),
      import("../build/context-argument.ts"),
      import("../build/progress/index.ts"),
      import("@berth/client/build"),
    ]);
  const mode = request.progress === "json" ? "rawjson" : (request.progress ?? "auto");
  const view = await progressView(context, request.quiet ? "quiet" : mode);
  using interruption = interruptible();
  const failed = new AbortController();
  const signal = AbortSignal.any([interruption.signal, failed.signal]);
  const slots = new Slots(context.compose?.parallel ?? -1);
  const done = new Map<string, Promise<void>>();
  let explain: (() => Promise<CommandError>) | undefined;
  const build = async (service: NamedService): Promise<void> => {
    await Promise.all(basesOf(target, service).map((base) => done.get(base.name)));
    using _slot = await slots.take();
    signal.throwIfAborted();
    const { path, words, stdin } = buildWords(target, service, request);
    const { values } = parseFlags(BUILD_FLAGS, words);
    const own =
      stdin === undefined ? context : { ...context, stdin: inputOf([new TextEncoder().encode(stdin)]) };
    using files = await buildFiles(own, path, values.file);
    try {
      await perform(own, values, files, (event) => view.event(labelled(event, service.name)), signal);
    } catch (error) {
      if (error instanceof BuildFailure && !signal.aborted) {
        const { dockerfile } = files;
        explain = () => explainFailure(context, error, view.steps, { dockerfile, quiet: view.raw });
      }
      throw error;
    }
  };
  for (const service of inBuildOrder(target, services)) {
    const building = build(service);
    building.catch((error: unknown) => failed.abort(error));
    done.set(service.name, building);
  }
  await Promise.allSettled(done.values());
  await view.finish();
  if (interruption.signal.aborted) throw interruption.signal.reason;
  if (explain !== undefined) {
    const { message } = await explain();
    throw new CommandError(message.replace(/^ERROR: /, ""), BUILD_FAILED);
  }
  if (failed.signal.aborted) throw failed.signal.reason;
}

/** So many at once; below 1: no limit. */
class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count < 1 ? Number.POSITIVE_INFINITY : count;
  }

  async take(): Promise<Disposable> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return {
      [Symbol.dispose]: () => {
        const next = this.#waiting.shift();
        if (next === undefined) this.#free++;
        else next();
      },
    };
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

/** Services whose images a service's build begins with. */
function basesOf(target: Target, service: NamedService): NamedService[] {
  return Object.values(service.build?.additional_contexts ?? {}).flatMap((source) => {
    const other = source.startsWith(SERVICE) ? serviceOf(target, source.slice(SERVICE.length)) : undefined;
    return other?.build === undefined ? [] : [other];
  });
}

function inBuildOrder(target: Target, services: readonly NamedService[]): NamedService[] {
  const ordered = new Map<string, NamedService>();
  const open = new Set<string>();
  const visit = (service: NamedService): void => {
    if (ordered.has(service.name)) return;
    if (open.has(service.name)) throw new CommandError(`build dependency cycle at service ${service.name}`);
    open.add(service.name);
    for (const base of basesOf(target, service)) visit(base);
    ordered.set(service.name, service);
  };
  for (const service of services) visit(service);
  return [...ordered.values()];
}
