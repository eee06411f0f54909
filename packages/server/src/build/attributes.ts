import { posix } from "node:path";
import type { HostConfig, Ulimit } from "@berth/api";
import type {
  BuildRequest,
  CacheEndpoint,
  ContextSource,
  DockerfileSource,
  Exporter,
} from "@berth/api/build";
import { invalidParameter, notImplemented } from "@berth/base";
import { parsePlatform } from "@berth/spec";

/** What BuildKit's Dockerfile frontend is asked for: a flat list of attributes beside what needs the client's session. */
export interface FrontendRequest {
  ref: string;
  attributes: Readonly<Record<string, string>>;
  exporters: readonly Exporter[];
  cacheImports: readonly CacheEndpoint[];
  cacheExports: readonly CacheEndpoint[];
  entitlements: readonly string[];
  /** A folder of the client by its name. @throws when there is none. */
  local(name: string): ContextSource;
  /** A URL that means something in this session only; undefined for all others. */
  remote?(url: string): ContextSource | undefined;
  /** An OCI layout of the client; undefined: it is a folder as `local` has them. */
  layout?(store: string, reference: string): ContextSource;
  /** A result of another build of the same client (`input:name`). */
  input?(name: string): ContextSource | undefined;
}

/** @throws invalid-parameter. */
export function buildRequest(request: FrontendRequest): BuildRequest {
  const { attributes, exporters, cacheImports, cacheExports, entitlements } = request;
  const own = (name: string) => attributes[name];
  const buildArgs = prefixed(attributes, "build-arg:");
  const { context, dockerfile } = sources(request, buildArgs);
  const imports = [...cacheImports, ...importsOf(attributes)];
  const exports = [...cacheExports];
  if (truth(buildArgs.BUILDKIT_INLINE_CACHE) && !exports.some((each) => each.type === "inline")) {
    exports.push({ type: "inline", attributes: {} });
  }
  const noCache = own("no-cache");
  const named = namedContexts(request);
  const attestations = attestationsOf(attributes);
  const epoch = Number(own("source-date-epoch") || Number.NaN);
  return {
    ref: request.ref,
    dockerfile,
    context,
    buildArgs,
    labels: prefixed(attributes, "label:"),
    exporters,
    entitlements,
    attributes,
    platforms: list(own("platform")).map((text) => parsePlatform(text)),
    hostConfig: limits(attributes),
    cacheFrom: imports,
    cacheTo: exports,
    ...(Object.keys(named).length > 0 && { namedContexts: named }),
    ...(own("target") && { target: own("target") as string }),
    ...(noCache === "" && { noCache: true }),
    ...(noCache && { noCacheFilter: list(noCache) }),
    ...(own("image-resolve-mode") === "pull" && { pull: true }),
    ...(own("force-network-mode") && { networkMode: networkMode(own("force-network-mode") as string) }),
    ...(own("add-hosts") && { addHosts: list(own("add-hosts")).map((pair) => pair.replace("=", ":")) }),
    ...(attestations !== undefined && { attestations }),
    ...(Number.isSafeInteger(epoch) && { sourceDateEpoch: epoch }),
    ...callOf(own("requestid") ?? (truth(own("check")) ? "frontend.lint" : undefined)),
    ...(truth(own("squash")) && { squash: true }),
  };
}

const CALLS = {
  "frontend.lint": "check",
  "frontend.outline": "outline",
  "frontend.targets": "targets",
} as const;

/** BuildKit's subrequests. @throws not-implemented for others */
function callOf(name: string | undefined): Pick<BuildRequest, "call"> {
  if (!name) return {};
  if (!Object.hasOwn(CALLS, name)) throw notImplemented(`unsupported request ${name}`);
  return { call: CALLS[name as keyof typeof CALLS] };
}

function sources(
  request: FrontendRequest,
  buildArgs: Readonly<Record<string, string>>,
): { context: ContextSource; dockerfile: DockerfileSource } {
  const { attributes } = request;
  const path = posix.normalize(attributes.filename || "Dockerfile");
  const remote = attributes.context;
  const dockerfileKey = attributes.dockerfilekey;
  if (remote) {
    const keepGit = truth(buildArgs.BUILDKIT_CONTEXT_KEEP_GIT_DIR);
    const context = request.remote?.(remote) ?? remoteContext(remote, keepGit);
    return {
      context,
      dockerfile: dockerfileKey
        ? { kind: "file", path, source: request.local(dockerfileKey) }
        : { kind: "file", path },
    };
  }
  return {
    context: request.local(attributes.contextkey || "context"),
    dockerfile: { kind: "file", path, source: request.local(dockerfileKey || "dockerfile") },
  };
}

/** A context that a URL names. @throws invalid-parameter when it is none. */
export function remoteContext(url: string, keepGitFolder = false): ContextSource {
  if (isGitUrl(url)) return { kind: "git", url, ...(keepGitFolder && { keepGitFolder }) };
  if (/^https?:\/\//.test(url)) return { kind: "http", url };
  throw invalidParameter(`unable to prepare context: path ${JSON.stringify(url)} is not a URL`);
}

export function isGitUrl(url: string): boolean {
  return (
    /^https?:\/\/[^#?]*\.git(?:[#?].*)?$/.test(url) ||
    /^(?:git|ssh):\/\//.test(url) ||
    /^[\w.-]+@[\w.-]+:/.test(url) ||
    /^github\.com\//.test(url)
  );
}

function namedContexts(request: FrontendRequest): Record<string, ContextSource> {
  const found: Record<string, ContextSource> = {};
  for (const [name, value] of Object.entries(prefixed(request.attributes, "context:"))) {
    // One for each platform would be `name::linux/arm64`; the name alone is what the Dockerfile says.
    found[name.split("::")[0] as string] = namedContext(request, value);
  }
  return found;
}

function namedContext(request: FrontendRequest, value: string): ContextSource {
  const at = value.indexOf(":");
  const rest = value.slice(at + 1);
  switch (value.slice(0, at)) {
    case "local":
      return request.local(rest);
    case "docker-image":
      return { kind: "image", reference: rest.replace(/^\/\//, "") };
    case "target":
      return { kind: "target", name: rest };
    case "oci-layout": {
      const { store, reference } = layoutReference(rest.replace(/^\/\//, ""));
      return (
        request.layout?.(store, reference) ?? { kind: "oci-layout", source: request.local(store), reference }
      );
    }
    case "input": {
      const source = request.input?.(rest);
      if (source === undefined) throw notImplemented(`the input ${rest} of another build cannot be used`);
      return source;
    }
    default:
      return request.remote?.(value) ?? remoteContext(value);
  }
}

/** `store:tag@digest` or `store@digest` → the client's name for the layout, and what to take from it. */
function layoutReference(text: string): { store: string; reference: string } {
  const found = /^([^@]*?)(:[\w][\w.-]*)?(@.+)?$/.exec(text);
  return { store: found?.[1] ?? text, reference: `${found?.[2] ?? ""}${found?.[3] ?? ""}` };
}

function importsOf(attributes: Readonly<Record<string, string>>): CacheEndpoint[] {
  const found = list(attributes["cache-from"]).map((ref) => ({ type: "registry", attributes: { ref } }));
  const json = attributes["cache-imports"];
  if (!json) return found;
  let entries: unknown;
  try {
    entries = JSON.parse(json);
  } catch {
    throw invalidParameter("failed to unmarshal cache-imports");
  }
  for (const entry of Array.isArray(entries) ? entries : []) {
    const { Type, Attrs } = (entry ?? {}) as { Type?: unknown; Attrs?: Record<string, string> };
    if (typeof Type === "string") found.push({ type: Type, attributes: (Attrs ?? {}) as { ref: string } });
  }
  return found;
}

function attestationsOf(attributes: Readonly<Record<string, string>>): BuildRequest["attestations"] {
  for (const name of Object.keys(prefixed(attributes, "attest:"))) {
    if (name !== "sbom" && name !== "provenance")
      throw invalidParameter(`unknown attestation type ${JSON.stringify(name)}`);
  }
  const read = (text: string | undefined) => {
    if (text === undefined) return undefined;
    const facts: Record<string, string> = {};
    for (const part of list(text)) {
      const at = part.indexOf("=");
      if (at > 0) facts[part.slice(0, at)] = part.slice(at + 1);
      else if (part === "false") return undefined;
    }
    return truth(facts.disabled) ? undefined : facts;
  };
  const sbom = read(attributes["attest:sbom"]);
  const provenance = read(attributes["attest:provenance"]);
  if (sbom === undefined && provenance === undefined) return undefined;
  return { ...(sbom !== undefined && { sbom }), ...(provenance !== undefined && { provenance }) };
}

function limits(attributes: Readonly<Record<string, string>>): Partial<HostConfig> {
  const { "shm-size": shm, ulimit, "cgroup-parent": parent } = attributes;
  const number = (name: string) => {
    const text = attributes[name];
    return text ? integer(text, name) : undefined;
  };
  checkMemory(number("memory") ?? 0);
  const own = {
    Memory: number("memory"),
    MemorySwap: number("memory-swap"),
    CpuPeriod: number("cpu-period"),
    CpuQuota: number("cpu-quota"),
    CpuShares: number("cpu-shares"),
    CpusetCpus: attributes["cpuset-cpus"],
    CpusetMems: attributes["cpuset-mems"],
    SecurityOpt: attributes["security-opt"] ? list(attributes["security-opt"]) : undefined,
  };
  return {
    ...(Object.fromEntries(
      Object.entries(own).filter(([, value]) => value !== undefined),
    ) as Partial<HostConfig>),
    ...(shm && { ShmSize: integer(shm, "shm-size") }),
    ...(ulimit && { Ulimits: list(ulimit).map(parseUlimit) }),
    ...(parent && { CgroupParent: parent }),
  };
}

/** Less does not start a process. */
const LEAST_MEMORY = 6 << 20;

/** @throws invalid-parameter */
export function checkMemory(bytes: number): void {
  if (bytes !== 0 && bytes < LEAST_MEMORY) throw invalidParameter("Minimum memory limit allowed is 6MB");
}

/** `nofile=1024:2048`. @throws invalid-parameter. */
export function parseUlimit(text: string): Ulimit {
  const found = /^([a-z]+)=(-?\d+)(?::(-?\d+))?$/.exec(text);
  if (found === null) throw invalidParameter(`invalid ulimit argument: ${text}`);
  const soft = Number(found[2]);
  return { Name: found[1] as string, Soft: soft, Hard: found[3] === undefined ? soft : Number(found[3]) };
}

function networkMode(mode: string): string {
  return mode === "sandbox" ? "default" : mode;
}

function integer(text: string, name: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw invalidParameter(`${name} ${JSON.stringify(text)} is not a number`);
  return value;
}

function prefixed(attributes: Readonly<Record<string, string>>, prefix: string): Record<string, string> {
  const found: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith(prefix)) found[name.slice(prefix.length)] = value;
  }
  return found;
}

function list(text: string | undefined): string[] {
  return (text ?? "")
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

function truth(text: string | undefined): boolean {
  return text !== undefined && /^(?:1|t|true)$/i.test(text);
}
