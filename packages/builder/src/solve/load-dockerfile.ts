import type { BuildRequest, ContextSource } from "@berth/api/build";
import { closeQuietly, fstat, isErrno, O, open, openat2, RESOLVE, readFull, S } from "@berth/linux";
import { ignoreFileNames, readIgnoreFile } from "@berth/spec/dockerignore";
import { BuildError } from "../build-error.ts";
import { decodeDockerfile } from "../parse/parse.ts";
import type { Contexts } from "../sources/contexts.ts";
import type { Steps } from "./steps.ts";

const MAX_DOCKERFILE = 16 * 1024 * 1024;
const MAX_IGNORE = 1024 * 1024;
const DEFAULT_NAME = "Dockerfile";

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
      step.status("transferring dockerfile:", dockerfile.text.length, dockerfile.text.length, true);
      return dockerfile.text;
    });
    return {
      name,
      text,
      excludes: await loadIgnore([".dockerignore"], request.context, contexts, steps, signal),
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
    step.status("transferring dockerfile:", text.length, text.length, true);
    return {
      text: decodeDockerfile(Buffer.from(text)),
      ignore: await read(`${path}.dockerignore`, MAX_IGNORE),
    };
  });
  const [, common] = ignoreFileNames(path);
  const excludes =
    loaded.ignore !== undefined
      ? readIgnoreFile(loaded.ignore)
      : await loadIgnore([common], request.context, contexts, steps, signal);
  return { name, text: loaded.text, excludes };
}

async function loadIgnore(
  names: string[],
  source: ContextSource | undefined,
  contexts: Contexts,
  steps: Steps,
  signal: AbortSignal,
): Promise<string[]> {
  if (source === undefined) return [];
  return await steps.run("[internal] load .dockerignore", async (step) => {
    const read = async (name: string) => {
      if (isFolderLike(source)) return await readBeside(source, name, MAX_IGNORE);
      const tree = await contexts.tree(
        "context",
        { excludes: [], include: names, follow: names },
        step,
        signal,
      );
      return await tree.readText(name, MAX_IGNORE);
    };
    for (const name of names) {
      const text = await read(name);
      if (text !== undefined) {
        step.status("transferring context:", text.length, text.length, true);
        return readIgnoreFile(text);
      }
    }
    step.status("transferring context:", 2, 2, true);
    return [];
  });
}

function isFolderLike(source: ContextSource): source is ContextSource & { kind: "folder" } {
  return source.kind === "folder";
}

/** One file of a folder, which is not listed for that. Links do not lead out of it. */
async function readBeside(source: ContextSource, path: string, maximum: number): Promise<string | undefined> {
  if (source.kind !== "folder") return undefined;
  return readInFolder(source.path, path, maximum);
}

function missing(path: string): BuildError {
  return new BuildError(`failed to read dockerfile: open ${path}: no such file or directory`, {
    kind: "invalid-parameter",
  });
}

function readInFolder(folder: string, path: string, maximum: number): string | undefined {
  const root = open(folder, O.PATH | O.DIRECTORY);
  let fd = -1;
  try {
    fd = openat2(root, path, O.RDONLY | O.NONBLOCK, RESOLVE.IN_ROOT | RESOLVE.NO_MAGICLINKS);
    const { mode, size } = fstat(fd);
    if ((mode & S.IFMT) !== S.IFREG || size > maximum) return undefined;
    const bytes = Buffer.alloc(size);
    return bytes.toString("utf8", 0, readFull(fd, bytes));
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "ELOOP", "EISDIR")) return undefined;
    throw error;
  } finally {
    closeQuietly(fd);
    closeQuietly(root);
  }
}
