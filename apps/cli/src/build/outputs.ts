import type { FileHandle } from "node:fs/promises";
import type { NativeBuildRequest } from "@berth/api/build";
import { nativePlace, type Receiver } from "@berth/client/build";
import { absolutePath } from "../absolute-path.ts";
import type { Context } from "../context.ts";
import { CommandError } from "../errors.ts";
import { parseCsvLine } from "../flags/csv.ts";
import { keyValueList } from "./key-value-list.ts";

type Exporter = NativeBuildRequest["exporters"][number];

export interface Outputs {
  exporters: Exporter[];
  /** Results that come back through the session, by their place; where an exporter has an output, when the daemon does not see it. */
  receivers: Map<number, Receiver>;
}

const TYPES = ["local", "tar", "oci", "docker", "image", "registry", "cacheonly"];

/**
 * `--output`, `--load`, `--push`, `--tag`. `direct`: the daemon may write our files itself (same machine, and we are
 * root, so that owners come out the same).
 */
export async function outputsOf(
  context: Context,
  flags: { output: readonly string[]; load: boolean; push: boolean; tag: readonly string[] },
  direct: boolean,
): Promise<Outputs> {
  const wanted = flags.output.map(parseOutput);
  if (flags.push) {
    const image = wanted.find(({ type }) => type === "image");
    if (image !== undefined) image.attributes.push = "true";
    else if (wanted.some(({ type }) => type !== "docker" && type !== "oci"))
      throw new CommandError(`push and ${wanted[0]?.type} output can't be used together`);
    else wanted.push({ type: "image", attributes: { push: "true" } });
  }
  if (
    flags.load &&
    !wanted.some(({ type, attributes }) => type === "docker" && attributes.dest === undefined)
  ) {
    wanted.push({ type: "docker", attributes: {} });
  }
  if (wanted.length === 0) wanted.push({ type: "image", attributes: {} });
  for (const { type, attributes } of wanted) {
    if (type === "image" && attributes.push === "true" && flags.tag.length === 0 && !attributes.name)
      throw new CommandError("ERROR: tag is needed when pushing to registry");
  }
  const outputs: Outputs = { exporters: [], receivers: new Map() };
  for (const { type, attributes } of wanted) {
    if (type === "cacheonly") continue;
    const { dest, ...rest } = attributes;
    const named: Record<string, string> =
      flags.tag.length > 0 && rest.name === undefined && type !== "local" && type !== "tar"
        ? { ...rest, name: flags.tag.join(",") }
        : rest;
    const at = outputs.exporters.length;
    if (type === "image" || (type === "docker" && dest === undefined)) {
      outputs.exporters.push({ type: "image", attributes: named });
    } else outputs.exporters.push(await withDestination(context, outputs, type, named, dest, at, direct));
  }
  return outputs;
}

async function withDestination(
  context: Context,
  outputs: Outputs,
  type: string,
  attributes: Record<string, string>,
  dest: string | undefined,
  at: number,
  direct: boolean,
): Promise<Exporter> {
  const asFolder = type === "local" || attributes.tar === "false";
  if (asFolder) {
    if (dest === undefined || dest === "-") throw new CommandError("dest is required for local output");
    const path = absolutePath(dest);
    outputs.receivers.set(at, { kind: "folder", path });
    return { type, attributes, ...(direct && { output: { kind: "folder", ...(await nativePlace(path)) } }) };
  }
  if (dest === undefined || dest === "-") {
    if (await context.isTerminal(1)) {
      throw new CommandError(`dest file is required for ${type} exporter. refusing to write to console`);
    }
    outputs.receivers.set(at, {
      kind: "file",
      write: (chunk) => context.stdout.write(chunk),
      end: async () => {},
    });
    return { type, attributes };
  }
  const path = absolutePath(dest);
  let file: FileHandle | undefined;
  outputs.receivers.set(at, {
    kind: "file",
    async write(chunk) {
      file ??= await (await import("node:fs/promises")).open(path, "w");
      await file.write(chunk);
    },
    end: async () => file?.close(),
  });
  return { type, attributes, ...(direct && { output: { kind: "file", ...(await nativePlace(path)) } }) };
}

/** A path alone is `type=local,dest=path`, `-` is `type=tar,dest=-`. */
function parseOutput(text: string): { type: string; attributes: Record<string, string> } {
  const [first = "", ...more] = parseCsvLine(text);
  if (more.length === 0 && !first.includes("=")) {
    return first === "-"
      ? { type: "tar", attributes: { dest: "-" } }
      : { type: "local", attributes: { dest: first } };
  }
  const { type, ...attributes } = keyValueList(text);
  if (type === undefined || type === "") throw new CommandError("type is required for output");
  if (!TYPES.includes(type)) throw new CommandError(`invalid output type ${JSON.stringify(type)}`);
  if (type === "registry") return { type: "image", attributes: { push: "true", ...attributes } };
  return { type, attributes };
}
