import { invalidParameter } from "@berth/base";
import type { Condition, OciSeccomp, SeccompProfile, SyscallArgument, SyscallRule } from "./profile.ts";

/** A profile is the client's text: bounded before it is parsed. */
const MAX_TEXT = 4 * 1024 * 1024;
const MAX_RULES = 10_000;
const MAX_NAMES = 10_000;

type Json = Record<string, unknown>;

const problem = (text: string) => invalidParameter(`Decoding seccomp profile failed: ${text}`);

/**
 * A profile from JSON text: Docker's and containers-common's schema. Fields that mean nothing to the OCI runtimes are dropped.
 * @throws invalid-parameter `Decoding seccomp profile failed: …`
 */
export function parseProfile(text: string): SeccompProfile {
  if (text.length > MAX_TEXT) throw problem("it is too large");
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw problem((error as Error).message);
  }
  const profile = object(json, "profile");
  const architectures = strings(profile.architectures, "architectures");
  const archMap = list(profile.archMap, "archMap").map((entry) => {
    const fields = object(entry, "archMap");
    return {
      architecture: string(fields.architecture, "architecture"),
      subArchitectures: strings(fields.subArchitectures, "subArchitectures"),
    };
  });
  if (architectures.length > 0 && archMap.length > 0) {
    throw invalidParameter(
      "'architectures' and 'archMap' were specified in the seccomp profile, use either 'architectures' or 'archMap'",
    );
  }
  const rules = list(profile.syscalls, "syscalls");
  if (rules.length > MAX_RULES) throw problem("too many rules");
  const errno = optionalNumber(profile.defaultErrnoRet, "defaultErrnoRet");
  const optional: Partial<OciSeccomp> = {};
  if (errno !== undefined) optional.defaultErrnoRet = errno;
  if (architectures.length > 0) optional.architectures = architectures;
  const flags = strings(profile.flags, "flags");
  if (flags.length > 0) optional.flags = flags;
  if (profile.listenerPath) optional.listenerPath = string(profile.listenerPath, "listenerPath");
  if (profile.listenerMetadata)
    optional.listenerMetadata = string(profile.listenerMetadata, "listenerMetadata");
  return {
    defaultAction: profile.defaultAction === undefined ? "" : string(profile.defaultAction, "defaultAction"),
    ...optional,
    ...(archMap.length === 0 ? {} : { archMap }),
    syscalls: rules.map(parseRule),
  };
}

function parseRule(json: unknown): SyscallRule {
  const fields = object(json, "syscalls");
  const names = strings(fields.names, "names");
  // Before Docker 1.13 a rule was for one name.
  if (fields.name !== undefined && fields.name !== "") {
    if (names.length > 0) {
      throw invalidParameter(
        "'name' and 'names' were specified in the seccomp profile, use either 'name' or 'names'",
      );
    }
    names.push(string(fields.name, "name"));
  }
  if (names.length > MAX_NAMES) throw problem("too many names in a rule");
  const rule: SyscallRule = { names, action: string(fields.action, "action") };
  const errno = optionalNumber(fields.errnoRet, "errnoRet");
  if (errno !== undefined) rule.errnoRet = errno;
  const args = list(fields.args, "args").map(parseArgument);
  if (args.length > 0) rule.args = args;
  const includes = parseCondition(fields.includes, "includes");
  const excludes = parseCondition(fields.excludes, "excludes");
  if (includes) rule.includes = includes;
  if (excludes) rule.excludes = excludes;
  return rule;
}

function parseArgument(json: unknown): SyscallArgument {
  const fields = object(json, "args");
  const valueTwo = optionalNumber(fields.valueTwo, "valueTwo");
  return {
    index: optionalNumber(fields.index, "index") ?? 0,
    value: optionalNumber(fields.value, "value") ?? 0,
    ...(valueTwo === undefined ? {} : { valueTwo }),
    op: string(fields.op, "op"),
  };
}

function parseCondition(json: unknown, name: string): Condition | undefined {
  if (json === undefined || json === null) return undefined;
  const fields = object(json, name);
  const condition: Condition = {};
  const caps = strings(fields.caps, "caps");
  const arches = strings(fields.arches, "arches");
  if (caps.length > 0) condition.caps = caps;
  if (arches.length > 0) condition.arches = arches;
  if (fields.minKernel) {
    const version = string(fields.minKernel, "minKernel");
    if (!/^\d{1,6}\.\d{1,6}$/.test(version))
      throw problem(`invalid kernel version: ${JSON.stringify(version.slice(0, 50))}`);
    condition.minKernel = version;
  }
  return caps.length + arches.length > 0 || condition.minKernel !== undefined ? condition : undefined;
}

function object(json: unknown, name: string): Json {
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw problem(`${name} is not an object`);
  return json as Json;
}

function list(json: unknown, name: string): unknown[] {
  if (json === undefined || json === null) return [];
  if (!Array.isArray(json)) throw problem(`${name} is not a list`);
  return json;
}

function string(json: unknown, name: string): string {
  if (typeof json !== "string") throw problem(`${name} is not a string`);
  return json;
}

function strings(json: unknown, name: string): string[] {
  return list(json, name).map((entry) => string(entry, name));
}

function optionalNumber(json: unknown, name: string): number | undefined {
  if (json === undefined || json === null) return undefined;
  if (typeof json !== "number" || !Number.isSafeInteger(json) || json < 0)
    throw problem(`${name} is not a number`);
  return json;
}
