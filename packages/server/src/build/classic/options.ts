import type { HostConfig } from "@berth/api";
import type { AuthProvider, BuildRequest, ContextSource, Credentials, Exporter } from "@berth/api/build";
import { invalidParameter } from "@berth/base";
import { parsePlatform } from "@berth/spec";
import type { Exchange } from "../../http/exchange.ts";
import type { Query } from "../../http/query.ts";
import { checkMemory, remoteContext } from "../attributes.ts";

const TAG_LIMIT = 1000;

/** The classic `POST /build` as a request to the builder. @throws invalid-parameter. */
export function classicRequest(
  exchange: Exchange,
  context: ContextSource,
  dockerfileText?: string,
): BuildRequest {
  const { query, version } = exchange;
  const cacheFrom = jsonParameter(query, "cachefrom", isStrings) ?? [];
  const platform = version >= 32 ? query.optionalString("platform") : undefined;
  const networkMode = query.optionalString("networkmode");
  const target = query.optionalString("target");
  const addHosts = query.string("extrahosts") === "" ? [] : extraHosts(query.string("extrahosts"));
  const auth = registryConfig(exchange);
  return {
    dockerfile:
      dockerfileText === undefined
        ? { kind: "file", path: dockerfilePath(query) }
        : { kind: "text", text: dockerfileText },
    context,
    buildArgs: jsonParameter(query, "buildargs", isArguments) ?? {},
    labels: jsonParameter(query, "labels", isTexts) ?? {},
    exporters: [imageExporter(tagsOf(query))],
    hostConfig: limits(query),
    addHosts,
    severalNeedSlash: true,
    cacheFrom: cacheFrom.map((ref) => ({ type: "registry", attributes: { ref } })),
    ...(target !== undefined && { target }),
    ...(platform !== undefined && { platforms: [parsePlatform(platform)] }),
    ...(query.boolean("nocache") && { noCache: true }),
    ...(query.boolean("pull") && { pull: true }),
    ...(query.boolean("squash") && { squash: true }),
    ...(networkMode !== undefined && { networkMode }),
    ...(auth !== undefined && { auth }),
  };
}

export function imageExporter(tags: readonly string[]): Exporter {
  return { type: "image", attributes: tags.length > 0 ? { name: tags.join(",") } : {} };
}

/** `t`, any number of times. */
export function tagsOf(query: Query): string[] {
  const tags = query.all("t").filter((tag) => tag !== "");
  if (tags.length > TAG_LIMIT) throw invalidParameter("too many tags");
  return [...new Set(tags)];
}

export function dockerfilePath(query: Query): string {
  return query.optionalString("dockerfile") ?? "Dockerfile";
}

/** `remote`: a git repository, or what is behind a URL; absent: the request's body. */
export function classicContext(exchange: Exchange): ContextSource {
  const remote = exchange.query.string("remote");
  if (remote !== "") return remoteContext(remote);
  return { kind: "tar", stream: exchange.bodyStream() };
}

/** @throws invalid-parameter. */
export function limits(query: Query): Partial<HostConfig> {
  const ulimits = jsonParameter(query, "ulimits", isUlimits);
  const cgroupParent = query.optionalString("cgroupparent");
  const numbers = {
    Memory: query.integer("memory", 0),
    MemorySwap: query.integer("memswap", 0),
    CpuShares: query.integer("cpushares", 0),
    CpuPeriod: query.integer("cpuperiod", 0),
    CpuQuota: query.integer("cpuquota", 0),
    ShmSize: query.integer("shmsize", 0),
  };
  checkMemory(numbers.Memory);
  const isolation = query.optionalString("isolation");
  if (isolation !== undefined && isolation.toLowerCase() !== "default") {
    throw invalidParameter(`invalid isolation ${JSON.stringify(isolation)} on linux`);
  }
  return {
    ...Object.fromEntries(Object.entries(numbers).filter(([, value]) => value !== 0)),
    ...(query.string("cpusetcpus") !== "" && { CpusetCpus: query.string("cpusetcpus") }),
    ...(query.string("cpusetmems") !== "" && { CpusetMems: query.string("cpusetmems") }),
    ...(ulimits !== undefined && ulimits.length > 0 && { Ulimits: ulimits }),
    ...(cgroupParent !== undefined && { CgroupParent: cgroupParent }),
    ...(query.all("securityopt").length > 0 && { SecurityOpt: securityOptions(query) }),
  };
}

/** Several values, or one JSON list. */
function securityOptions(query: Query): string[] {
  const values = query.all("securityopt").filter((value) => value !== "");
  return values[0]?.startsWith("[") ? (jsonParameter(query, "securityopt", isStrings) ?? []) : values;
}

/** Comma-separated `name:ip`, or a JSON list of them (docker-py). */
export function extraHosts(text: string): string[] {
  if (text.startsWith("[")) {
    const found = parseJson(text, "extrahosts");
    if (isStrings(found)) return found;
  }
  if (text.startsWith("{")) {
    const found = parseJson(text, "extrahosts");
    if (isTexts(found)) return Object.entries(found).map(([name, ip]) => `${name}:${ip}`);
  }
  return text.split(",").filter((part) => part !== "");
}

/** `X-Registry-Config`: credentials by registry. What cannot be read is taken as empty, as Docker does. */
export function registryConfig({ request }: Exchange): AuthProvider | undefined {
  const header = request.headers["x-registry-config"];
  if (typeof header !== "string" || header === "") return undefined;
  let hosts: Record<string, Record<string, unknown>>;
  try {
    hosts = JSON.parse(Buffer.from(header, "base64url").toString("utf8"));
  } catch {
    return undefined;
  }
  if (typeof hosts !== "object" || hosts === null) return undefined;
  const held = new Map(Object.entries(hosts).map(([name, entry]) => [registryHost(name), entry]));
  return { credentials: async (host) => credentialsOf(held.get(registryHost(host))) };
}

function registryHost(name: string): string {
  const host = name.replace(/^https?:\/\//, "").split("/")[0] as string;
  return /^(?:index\.|registry-1\.)?docker\.io$/.test(host) ? "docker.io" : host;
}

function credentialsOf(entry: Record<string, unknown> | undefined): Credentials | undefined {
  if (typeof entry !== "object" || entry === null) return undefined;
  const text = (name: string) =>
    Object.entries(entry).find(
      ([key, value]) => key.toLowerCase() === name && typeof value === "string",
    )?.[1] as string | undefined;
  const [user, ...password] = Buffer.from(text("auth") ?? "", "base64")
    .toString("utf8")
    .split(":");
  const username = text("username") || user;
  const secret = text("password") || password.join(":");
  const identityToken = text("identitytoken");
  const registryToken = text("registrytoken");
  return {
    ...(username && { username, password: secret }),
    ...(identityToken && { identityToken }),
    ...(registryToken && { registryToken }),
  };
}

/** @throws invalid-parameter when it is there and is not what it must be. */
export function jsonParameter<T>(
  query: Query,
  name: string,
  check: (value: unknown) => value is T,
): T | undefined {
  const text = query.string(name);
  if (text === "") return undefined;
  const value = parseJson(text, name);
  if (value === null) return undefined;
  if (!check(value)) throw invalidParameter(`error reading ${name}: json: cannot unmarshal it`);
  return value;
}

function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalidParameter(`error reading ${name}: invalid JSON`);
  }
}

export const isStrings = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((each) => typeof each === "string");

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const isTexts = (value: unknown): value is Record<string, string> =>
  isRecord(value) && Object.values(value).every((each) => typeof each === "string");

/** null: the name without a value. */
export const isArguments = (value: unknown): value is Record<string, string | null> =>
  isRecord(value) && Object.values(value).every((each) => typeof each === "string" || each === null);

const isUlimits = (value: unknown): value is { Name: string; Hard: number; Soft: number }[] =>
  Array.isArray(value) &&
  value.every(
    (each) =>
      isRecord(each) &&
      typeof each.Name === "string" &&
      typeof each.Hard === "number" &&
      typeof each.Soft === "number",
  );
