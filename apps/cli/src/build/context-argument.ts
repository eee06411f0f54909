import type { FolderIdentity } from "@berth/client/build";
import { absolutePath } from "../absolute-path.ts";
import type { Context } from "../context.ts";
import { CommandError } from "../errors.ts";
import { lazyNode } from "../lazy-node.ts";

/** Where the build's files come from, as the frontend is told and as the client offers them. */
export interface BuildFiles extends Disposable {
  attributes: Record<string, string>;
  folders: Record<string, string>;
  /** What was found out about folders on the way, by path. */
  known: Map<string, FolderIdentity>;
  /** The context's bytes, when they come from stdin. */
  upload?: AsyncIterable<Uint8Array>;
  /** Where the Dockerfile lies here; undefined: not on this machine. */
  dockerfile?: string;
  /** There as long as nobody has looked whether the folder and the Dockerfile are there: does that. @throws CommandError. */
  look?: () => Promise<void>;
}

const UPLOAD_URL = "http://buildkit-session/context";

/** The argument of `build` (folder, `-`, URL) and `--file`, looked at. @throws CommandError. */
export async function buildFiles(context: Context, path: string, file: string): Promise<BuildFiles> {
  const files = await unseenFiles(context, path, file);
  await files.look?.();
  return files;
}

/** As `buildFiles`; a folder and a Dockerfile that were named are not looked at yet. @throws CommandError. */
export async function unseenFiles(context: Context, path: string, file: string): Promise<BuildFiles> {
  const made: string[] = [];
  const files: BuildFiles = {
    attributes: {},
    folders: {},
    known: new Map(),
    [Symbol.dispose]() {
      for (const folder of made) lazyNode.fs.rmSync(folder, { recursive: true, force: true });
    },
  };
  const temporary = async () => {
    const { tmpdir } = await import("node:os");
    const folder = lazyNode.fs.mkdtempSync(`${tmpdir()}/berth-build-`);
    made.push(folder);
    return folder;
  };
  const fromStdin = async () => {
    const folder = await temporary();
    const bytes = await readAll(context.stdin.chunks());
    lazyNode.fs.writeFileSync(`${folder}/Dockerfile`, bytes);
    return folder;
  };
  const fromUrl = async () => {
    const folder = await temporary();
    lazyNode.fs.writeFileSync(`${folder}/Dockerfile`, await download(file));
    return folder;
  };
  try {
    if (path === "-") {
      if (file === "-")
        throw new CommandError("invalid argument: can't use stdin for both build context and dockerfile");
      await contextFromStdin(context, files, file, temporary);
    } else if (isRemote(path)) {
      files.attributes.context = path;
      if (file === "-") {
        files.folders.dockerfile = await fromStdin();
        files.attributes.dockerfilekey = "dockerfile";
      } else if (isUrl(file)) {
        files.folders.dockerfile = await fromUrl();
        files.attributes.dockerfilekey = "dockerfile";
      } else if (file !== "") files.attributes.filename = file;
    } else await contextFolder(files, path, file, file === "-" ? fromStdin : fromUrl);
    return files;
  } catch (error) {
    files[Symbol.dispose]();
    throw error;
  }
}

async function contextFolder(
  files: BuildFiles,
  path: string,
  file: string,
  fromElsewhere: () => Promise<string>,
): Promise<void> {
  const root = absolutePath(path);
  files.folders.context = root;
  if (file === "-" || isUrl(file)) {
    checkContext(files, path, await statIfExists(root));
    files.folders.dockerfile = await fromElsewhere();
    files.dockerfile = `${files.folders.dockerfile}/Dockerfile`;
    return;
  }
  const dockerfile = absolutePath(file === "" ? `${root}/Dockerfile` : file);
  const outside = takeDockerfile(files, root, dockerfile);
  files.look = async () => {
    delete files.look;
    // Side by side, because each answer comes by way of a thread.
    let [folder, there] = await Promise.all([statIfExists(root), statIfExists(dockerfile)]);
    checkContext(files, path, folder);
    if (file === "" && there === undefined) {
      // `dockerfile` is taken where only that is there.
      const small = absolutePath(`${root}/dockerfile`);
      there = await statIfExists(small);
      if (there !== undefined) takeDockerfile(files, root, small);
    }
    const cannot = (why: string) =>
      new CommandError(`unable to prepare context: open ${files.dockerfile}: ${why}`);
    if (there?.isDirectory()) throw cannot("is a directory");
    if (there === undefined && outside) throw cannot("no such file or directory");
  };
}

/** @throws CommandError unless the context is a folder. */
function checkContext(files: BuildFiles, path: string, stat: Awaited<ReturnType<typeof statIfExists>>): void {
  if (stat === undefined) {
    throw new CommandError(`unable to prepare context: path ${JSON.stringify(path)} not found`);
  }
  if (!stat.isDirectory()) throw new CommandError(`unable to prepare context: ${path} is not a directory`);
  files.known.set(absolutePath(path), stat);
}

/** A Dockerfile outside of the context has a folder of its own. @returns whether it lies outside */
function takeDockerfile(files: BuildFiles, root: string, dockerfile: string): boolean {
  const below = root === "/" ? root : `${root}/`;
  const outside = !dockerfile.startsWith(below);
  const name = dockerfile.lastIndexOf("/") + 1;
  files.folders.dockerfile = outside ? dockerfile.slice(0, name - 1) || "/" : root;
  files.attributes.filename = dockerfile.slice(outside ? name : below.length);
  files.dockerfile = dockerfile;
  return outside;
}

async function statIfExists(path: string) {
  try {
    return await Bun.file(path).stat();
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}

/** A tar in any compression, or a Dockerfile alone. */
async function contextFromStdin(
  context: Context,
  files: BuildFiles,
  file: string,
  temporary: () => Promise<string>,
): Promise<void> {
  if (await context.isTerminal(0))
    throw new CommandError("stdin is a terminal: pipe a tar or a Dockerfile in");
  const chunks = context.stdin.chunks();
  const head: Uint8Array[] = [];
  let size = 0;
  while (size < 512) {
    const step = await chunks.next();
    if (step.done === true) break;
    head.push(step.value);
    size += step.value.length;
  }
  const first = Buffer.concat(head);
  async function* all(): AsyncGenerator<Uint8Array> {
    if (first.length > 0) yield first;
    yield* chunks;
  }
  if (isArchive(first)) {
    files.attributes.context = UPLOAD_URL;
    files.upload = all();
    if (file !== "") files.attributes.filename = file;
    return;
  }
  if (file !== "")
    throw new CommandError("ambiguous Dockerfile source: both stdin and flag correspond to Dockerfiles");
  const folder = await temporary();
  lazyNode.fs.writeFileSync(`${folder}/Dockerfile`, await readAll(all()));
  files.folders.dockerfile = folder;
  files.folders.context = await temporary();
  files.dockerfile = `${folder}/Dockerfile`;
}

const MAGIC = ["1f8b", "425a68", "fd377a585a00", "28b52ffd"];

function isArchive(head: Buffer): boolean {
  const hex = head.subarray(0, 6).toString("hex");
  return (
    MAGIC.some((magic) => hex.startsWith(magic)) || head.subarray(257, 262).toString("latin1") === "ustar"
  );
}

function isUrl(file: string): boolean {
  return file.startsWith("http://") || file.startsWith("https://");
}

/** So large may a Dockerfile behind a URL be. */
const DOCKERFILE_LIMIT = 2 << 20;

async function download(url: string): Promise<Uint8Array> {
  const fail = (why: string) => new CommandError(`ERROR: failed to read Dockerfile from ${url}: ${why}`);
  const response = await fetch(url, { signal: AbortSignal.timeout(60_000) }).catch((error) => {
    throw fail((error as Error).message);
  });
  if (!response.ok) throw fail(`invalid response status ${response.status}`);
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    size += part.length;
    if (size > DOCKERFILE_LIMIT) throw fail("it is larger than 2 MiB");
    parts.push(part);
  }
  return Buffer.concat(parts);
}

export function isRemote(path: string): boolean {
  return (
    isUrl(path) ||
    ["git://", "ssh://", "github.com/"].some((start) => path.startsWith(start)) ||
    // An expression costs a quick build as much as all else that looks at the argument.
    (path.includes("@") && /^[\w.-]+@[\w.-]+:/.test(path))
  );
}

async function readAll(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}
