import type { NativeBuildRequest } from "@berth/api/build";
import type { Agent, Secret, SshKey } from "@berth/client/build";
import { absolutePath } from "../absolute-path.ts";
import type { Context } from "../context.ts";
import { CommandError } from "../errors.ts";
import { parseCsvLine } from "../flags/csv.ts";
import { lazyNode } from "../lazy-node.ts";
import { keyValueList } from "./key-value-list.ts";

/** So large may the file of a private key be. */
const KEY_LIMIT = 100 << 10;

/** `--secret id=mysecret[,src=file|,env=NAME|,type=…]`. A file or variable of the secret's own name is the default. */
export function secretsOf(context: Context, texts: readonly string[]): Map<string, Secret> {
  const secrets = new Map<string, Secret>();
  for (const text of texts) {
    for (const field of parseCsvLine(text))
      if (!field.includes("="))
        throw new CommandError(`ERROR: invalid field '${field}' must be a key=value pair`);
    const { id, src, source, type, env, ...rest } = keyValueList(text);
    const [unknown] = Object.keys(rest);
    if (unknown !== undefined) throw new CommandError(`unexpected key '${unknown}' in '${text}'`);
    if (id === undefined || id === "") throw new CommandError("id is required for a secret");
    if (type !== undefined && type !== "file" && type !== "env") {
      throw new CommandError(`unsupported secret type ${JSON.stringify(type)}`);
    }
    let file = src ?? source;
    let name = env;
    if (type === "env" && name === undefined) {
      name = file;
      file = undefined;
    }
    if (file === undefined && type !== "file") {
      const value = context.environment[name ?? id];
      if (value !== undefined || name !== undefined) {
        secrets.set(id, { value: value ?? "" });
        continue;
      }
    }
    const path = absolutePath(file ?? id);
    if (lazyNode.fs.statSync(path, { throwIfNoEntry: false }) === undefined) {
      throw new CommandError(`failed to stat ${file ?? id}: stat ${file ?? id}: no such file or directory`);
    }
    secrets.set(id, { file: path });
  }
  return secrets;
}

/** `--ssh default`, `--ssh id=/path/to/agent.sock`, `--ssh id=key,key`. @throws CommandError */
export async function agentsOf(context: Context, texts: readonly string[]): Promise<Map<string, Agent>> {
  const agents = new Map<string, Agent>();
  for (const text of texts) {
    const at = text.indexOf("=");
    const id = (at < 0 ? text : text.slice(0, at)) || "default";
    const paths = at < 0 ? [] : text.slice(at + 1).split(",");
    agents.set(id, await agentOf(paths.length > 0 ? paths : [context.environment.SSH_AUTH_SOCK ?? ""]));
  }
  return agents;
}

async function agentOf(paths: readonly string[]): Promise<Agent> {
  const { readSshKey } = await import("@berth/client/ssh-keys");
  const keys: SshKey[] = [];
  for (const path of paths) {
    if (path === "") throw new CommandError("invalid empty ssh agent socket: make sure SSH_AUTH_SOCK is set");
    const stat = lazyNode.fs.statSync(path, { throwIfNoEntry: false });
    if (stat === undefined)
      throw new CommandError(`could not parse ssh: stat ${path}: no such file or directory`);
    if (stat.isSocket()) {
      if (paths.length > 1) throw new CommandError("only single socket allowed");
      return { socket: path };
    }
    if (stat.size > KEY_LIMIT) throw new CommandError(`failed to parse ${path}: the file is too large`);
    try {
      keys.push(readSshKey(lazyNode.fs.readFileSync(path, "utf8")));
    } catch (error) {
      throw new CommandError(`failed to parse ${path}: ${(error as Error).message}`);
    }
  }
  return { keys };
}

type Cache = NonNullable<NativeBuildRequest["cacheImports"]>[number];

/** `--cache-from`, `--cache-to`: a reference alone is `type=registry,ref=…`. */
export function cacheEndpoints(texts: readonly string[], isLocal: boolean): Promise<Cache[]> {
  return Promise.all(texts.map((text) => cacheEndpoint(text, isLocal)));
}

async function cacheEndpoint(text: string, isLocal: boolean): Promise<Cache> {
  if (!text.includes("=")) return { type: "registry", attributes: { ref: text } };
  const { type, ...attributes } = keyValueList(text);
  if (type === undefined || type === "")
    throw new CommandError(`type required form> ${JSON.stringify(text)}`);
  if (type !== "local") return { type, attributes };
  const folder = attributes.src ?? attributes.dest;
  if (folder === undefined) throw new CommandError("local cache needs src or dest");
  if (!isLocal) throw new CommandError("a cache of the type local needs a daemon on this machine");
  const { nativePlace } = await import("@berth/client/build");
  return { type, attributes, folder: await nativePlace(absolutePath(folder)) };
}
