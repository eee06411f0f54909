import type { BuildRequest, ContextSource } from "@berth/api/build";
import { ignoreFileNames, readIgnoreFile } from "@berth/spec/dockerignore";
import { BuildError } from "../build-error.ts";
import { decodeDockerfile } from "../parse/parse.ts";
import type { Contexts } from "../sources/contexts.ts";
import { readInFolder } from "../sources/read-in-folder.ts";
import type { Steps } from "./steps.ts";

const MAX_DOCKERFILE = 16 * 1024 * 1024;
const MAX_IGNORE = 1024 * 1024;
const DEFAULT_NAME = "Dockerfile";
const IGNORE_FILE = ".dockerignore";

export interface LoadedDockerfile {
  name: string;
  text: string;
  /** Patterns of the ignore file for the main context. */
  excludes: string[];
}

/** Reads the Dockerfile and the ignore file that goes with it. @throws BuildError with BuildKit's sentence when there is none */
export async function loadDockerfile(
  request: BuildRequest,
  contexts: Contexts,
  steps: Steps,
  signal: AbortSignal,
): Promise<LoadedDockerfile> {
  const { dockerfile } = request;
  if (dockerfile.kind === "text") {
    const name = dockerfile.name ?? DEFAULT_NAME;
    const text = await steps.run(`[internal] load build definition from ${name}`, async (step) => {
      step.status("transferring dockerfile:", dockerfile.text.length, 0, true);
      return dockerfile.text;
    });
    return {
      name,
      text,
      excludes: await loadIgnore([IGNORE_FILE], "context", contexts, steps, signal),
    };
  }
  const path = dockerfile.path || DEFAULT_NAME;
  const name = path.split("/").at(-1) ?? path;
  const source = dockerfile.source ?? request.context;
  const loaded = await steps.run(`[internal] load build definition from ${name}`, async (step) => {
    if (source === undefined) throw missing(path);
    const names = [
      path,
      `${path}.dockerignore`,
      ...(path === DEFAULT_NAME ? [DEFAULT_NAME.toLowerCase()] : []),
    ];
    const options = { excludes: [], include: names, follow: names };
    const tree = isFolderLike(source)
      ? undefined
      : await (dockerfile.source === undefined
          ? contexts.tree("context", options, step, signal)
          : contexts.treeOf("dockerfile", source, options, step, signal));
    const read = (file: string, maximum: number) =>
      tree === undefined ? readBeside(source, file, maximum) : tree.readText(file, maximum);
    let text = await read(path, MAX_DOCKERFILE);
    if (text === undefined && path === DEFAULT_NAME)
      text = await read(DEFAULT_NAME.toLowerCase(), MAX_DOCKERFILE);
    if (text === undefined) throw missing(path);
    if (tree === undefined) step.status("transferring dockerfile:", text.length, 0, true);
    return {
      text: decodeDockerfile(Buffer.from(text)),
      ignore: await read(`${path}.dockerignore`, MAX_IGNORE),
    };
  });
  const [, common] = ignoreFileNames(path);
  const excludes =
    loaded.ignore !== undefined
      ? readIgnoreFile(loaded.ignore)
      : await loadIgnore([common], "context", contexts, steps, signal);
  return { name, text: loaded.text, excludes };
}

/** Patterns of the ignore file of a named context: folders of the client have one of their own. */
export async function namedIgnore(
  name: string,
  contexts: Contexts,
  steps: Steps,
  signal: AbortSignal,
): Promise<string[]> {
  const kind = contexts.source(name)?.kind;
  if (kind !== "folder" && kind !== "sync") return [];
  return await loadIgnore([IGNORE_FILE], name, contexts, steps, signal);
}

async function loadIgnore(
  names: string[],
  context: string,
  contexts: Contexts,
  steps: Steps,
  signal: AbortSignal,
): Promise<string[]> {
  const source = contexts.source(context);
  if (source === undefined) return [];
  const prefix = context === "context" ? "[internal]" : `[context ${context}]`;
  return await steps.run(`${prefix} load ${IGNORE_FILE}`, async (step) => {
    const read = async (name: string) => {
      if (isFolderLike(source)) return await readBeside(source, name, MAX_IGNORE);
      const tree = await contexts.tree(
        context,
        { excludes: [], include: names, follow: names },
        step,
        signal,
      );
      return await tree.readText(name, MAX_IGNORE);
    };
    for (const name of names) {
      const text = await read(name);
      if (text !== undefined) {
        if (isFolderLike(source)) step.status("transferring context:", text.length, 0, true);
        return readIgnoreFile(text);
      }
    }
    if (isFolderLike(source)) step.status("transferring context:", 2, 0, true);
    return [];
  });
}

function isFolderLike(source: ContextSource): source is ContextSource & { kind: "folder" } {
  return source.kind === "folder";
}

/** One file of a folder, which is not listed for that. Links do not lead out of it. */
async function readBeside(source: ContextSource, path: string, maximum: number): Promise<string | undefined> {
  if (source.kind !== "folder") return undefined;
  const bytes = readInFolder(source.path, path, maximum);
  return bytes && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
}

function missing(path: string): BuildError {
  return new BuildError(`failed to read dockerfile: open ${path}: no such file or directory`, {
    kind: "invalid-parameter",
  });
}
