import { existsSync, readFileSync } from "node:fs";
import { isAbsolute, relative } from "node:path";
import { invalidParameter, messageOf } from "@berth/base";
import { type Build, loadProject } from "@berth/compose";
import { excerpt } from "../build/failure.ts";
import type { Context } from "../context.ts";
import { CommandError } from "../errors.ts";
import { type Definition, mergeDefinitions } from "./definition.ts";
import { BLOCKS, evaluate } from "./evaluate.ts";
import { type Body, readHcl, readJson } from "./hcl/body.ts";
import { HclError } from "./hcl/value.ts";
import type { BakeTarget } from "./target.ts";

/** Read, in this order, when no file is named. */
const STANDARD = [
  "compose.yaml",
  "compose.yml",
  "docker-compose.yml",
  "docker-compose.yaml",
  "docker-bake.json",
  "docker-bake.hcl",
  "docker-bake.override.json",
  "docker-bake.override.hcl",
];

interface File {
  name: string;
  text: string;
}

/** The definition that these files give together: Compose files first, bake files on top. @throws CommandError */
export async function loadDefinition(context: Context, names: readonly string[]): Promise<Definition> {
  const files: File[] = [];
  for (const name of names.length > 0 ? names : STANDARD.filter((each) => existsSync(each)))
    files.push({ name, text: await textOfFile(context, name) });
  if (files.length === 0) throw new CommandError("ERROR: couldn't find a bake definition");
  const compose: File[] = [];
  const bodies: Body[] = [];
  for (const file of files) {
    const body = await withPlace(context, file, () => bodyOf(file));
    if (body === undefined) compose.push(file);
    else bodies.push(body);
  }
  const ofCompose = compose.length > 0 ? await composeDefinition(context, compose) : undefined;
  const platform = `linux/${process.arch === "x64" ? "amd64" : process.arch}`;
  const only = files.length === 1 ? (files[0] as File) : undefined;
  const ofBake = await withPlace(context, only, () =>
    evaluate(bodies, {
      environment: context.environment,
      builtin: { BAKE_CMD_CONTEXT: "cwd://", BAKE_LOCAL_PLATFORM: platform },
      warn: (message) => void context.stderr.write(`WARN: ${message}\n`),
    }),
  );
  return ofCompose === undefined ? ofBake : mergeDefinitions(ofCompose, ofBake);
}

async function textOfFile(context: Context, name: string): Promise<string> {
  if (name === "-") {
    const parts: Uint8Array[] = [];
    for await (const chunk of context.stdin.chunks()) parts.push(chunk);
    return Buffer.concat(parts).toString("utf8");
  }
  try {
    return readFileSync(name, "utf8");
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === "ENOENT") throw new CommandError(`ERROR: open ${name}: no such file or directory`);
    throw new CommandError(`ERROR: open ${name}: ${messageOf(error)}`);
  }
}

/** undefined: a Compose file. @throws HclError */
function bodyOf({ name, text }: File): Body | undefined {
  const lower = name.toLowerCase();
  if (lower.endsWith(".json")) return readJson(text, BLOCKS);
  if (lower.endsWith(".hcl")) return readHcl(text);
  if (/\.ya?ml$/.test(lower)) return undefined;
  // Without an ending that says it: whatever can be read.
  if (text.trimStart().startsWith("{")) return readJson(text, BLOCKS);
  if (/^services\s*:/m.test(text)) return undefined;
  return readHcl(text);
}

/** Shows the lines of the file that are meant. @throws CommandError */
async function withPlace<T>(context: Context, file: File | undefined, work: () => T): Promise<T> {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof HclError)) throw error;
    const { place, message } = error;
    if (place === undefined || file === undefined) throw new CommandError(`ERROR: ${message}`);
    const source = { file: file.name, startLine: place.line, endLine: place.line, text: "" };
    await context.stderr.write(excerpt(source, file.text));
    throw new CommandError(`ERROR: ${file.name}:${place.line},${place.column}: ${message}`);
  }
}

/** Services that are built, as targets; all of them are the group `default`. */
async function composeDefinition(context: Context, files: readonly File[]): Promise<Definition> {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(context.environment))
    if (value !== undefined) environment[name] = value;
  const { project } = await loadProject({
    files: files.map(({ name }) => name),
    projectName: undefined,
    projectDirectory: undefined,
    envFiles: [],
    workingDirectory: process.cwd(),
    environment,
    profiles: ["*"],
    readStandardInput: async () => files.find(({ name }) => name === "-")?.text ?? "",
  });
  const targets = new Map<string, BakeTarget>();
  for (const [name, { build, image, platform }] of Object.entries(project.services)) {
    if (build === undefined) continue;
    targets.set(name.replaceAll(".", "_"), composeTarget(build, image, platform, project.secrets));
  }
  if (targets.size === 0) return { groups: new Map(), targets };
  return { groups: new Map([["default", [...targets.keys()].sort()]]), targets };
}

type Secrets = Awaited<ReturnType<typeof loadProject>>["project"]["secrets"];

function composeTarget(
  build: Build,
  image: string | undefined,
  platform: string | undefined,
  secrets: Secrets,
): BakeTarget {
  const bake = (build as { "x-bake"?: Record<string, unknown> })["x-bake"] ?? {};
  const ulimits = Object.entries(build.ulimits ?? {}).map(
    ([name, { single = 0, soft = single, hard = single }]) => `${name}=${soft}:${hard}`,
  );
  const hosts = Object.entries(build.extra_hosts ?? {}).map(([host, list]) => [host, list.join(",")]);
  const contexts = Object.entries(build.additional_contexts ?? {}).map(([name, source]) => [
    name,
    source.replace(/^service:/, "target:"),
  ]);
  const tags = [...(image === undefined ? [] : [image]), ...(build.tags ?? [])];
  const platforms = build.platforms?.length ? build.platforms : platform === undefined ? [] : [platform];
  const made: BakeTarget = {
    ...(build.context !== undefined && { context: shown(build.context) }),
    ...(build.dockerfile !== undefined &&
      build.dockerfile !== "Dockerfile" && { dockerfile: build.dockerfile }),
    ...(build.dockerfile_inline !== undefined && { "dockerfile-inline": build.dockerfile_inline }),
    ...(contexts.length > 0 && { contexts: Object.fromEntries(contexts) }),
    ...(build.args !== undefined && { args: build.args }),
    ...(build.labels !== undefined && { labels: build.labels }),
    ...(tags.length > 0 && { tags }),
    ...(build.cache_from !== undefined && { "cache-from": build.cache_from }),
    ...(build.cache_to !== undefined && { "cache-to": build.cache_to }),
    ...(build.target !== undefined && { target: build.target }),
    ...(build.secrets !== undefined && { secret: build.secrets.map((each) => secretOf(secrets, each)) }),
    ...(build.ssh !== undefined && {
      ssh: Object.entries(build.ssh).map(([id, source]) => (source ? `${id}=${source}` : id)),
    }),
    ...(platforms.length > 0 && { platforms }),
    ...(build.no_cache && { "no-cache": true }),
    ...(build.pull && { pull: true }),
    ...(build.network !== undefined && { network: build.network }),
    ...(build.shm_size !== undefined && { "shm-size": String(build.shm_size) }),
    ...(ulimits.length > 0 && { ulimits }),
    ...(build.entitlements !== undefined && { entitlements: build.entitlements }),
    ...(hosts.length > 0 && { "extra-hosts": Object.fromEntries(hosts) }),
  };
  for (const [name, value] of Object.entries(bake)) Object.assign(made, extension(name, value));
  return made;
}

/** What `x-bake` of a service says beside. */
function extension(name: string, value: unknown): BakeTarget {
  const known: Record<string, keyof BakeTarget> = {
    tags: "tags",
    "cache-from": "cache-from",
    "cache-to": "cache-to",
    secret: "secret",
    ssh: "ssh",
    platforms: "platforms",
    output: "output",
    "no-cache-filter": "no-cache-filter",
    attest: "attest",
  };
  const list = (Array.isArray(value) ? value : [value]).map(String);
  if (name in known) return { [known[name] as string]: list };
  if (name === "pull" || name === "no-cache") return { [name]: value === true };
  if (name === "contexts" && typeof value === "object" && value !== null)
    return { contexts: Object.fromEntries(Object.entries(value).map(([key, each]) => [key, String(each)])) };
  throw invalidParameter(`unknown x-bake key ${name}`);
}

function secretOf(secrets: Secrets, reference: { source: string; target?: string }): string {
  const definition = secrets[reference.source];
  const id = reference.target || reference.source;
  if (definition?.file !== undefined) return `id=${id},src=${shown(definition.file)}`;
  if (definition?.environment !== undefined) return `id=${id},env=${definition.environment}`;
  throw new CommandError(`build.secrets: unsupported external secret ${reference.source}`);
}

/** Below the folder that we are in: relative to it. */
function shown(path: string): string {
  if (!isAbsolute(path)) return path;
  const below = relative(process.cwd(), path);
  if (below === "") return ".";
  return below.startsWith("..") ? path : below;
}
