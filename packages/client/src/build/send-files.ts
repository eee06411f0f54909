import { lstat, open, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { decodeHeader, goMode, hasContent, PACKET, Packet, S, type Stat } from "@berth/api/buildkit";
import { CODE, GrpcError, type ServerCall } from "@berth/api/grpc";
import { IgnoreMatcher, type IgnoreState } from "@berth/spec/dockerignore";

const CHUNK = 64 << 10;
/** Links that are followed for one path at most. */
const LINK_LIMIT = 40;
const NO_DATA = new Uint8Array(0);

/**
 * Answers FileSync.DiffCopy: the listing of one of `folders`, then the contents that are asked for. Owners are told as
 * root, as every client of BuildKit does. What disappears while it is listed is left out. @throws GrpcError.
 */
export async function sendFiles(call: ServerCall, folders: Readonly<Record<string, string>>): Promise<void> {
  const [name = ""] = decodeHeader(call.metadata, "dir-name");
  const root = Object.hasOwn(folders, name) ? folders[name] : undefined;
  if (root === undefined) {
    throw new GrpcError(CODE.NOT_FOUND, `no access allowed to dir ${JSON.stringify(name)}`);
  }
  const include = decodeHeader(call.metadata, "include-patterns");
  const exclude = decodeHeader(call.metadata, "exclude-patterns");
  const follow = decodeHeader(call.metadata, "followpaths");
  const followed = follow.length > 0 ? await followPaths(root, follow) : [];
  const wanted = include.length + follow.length > 0 ? new Wanted([...include, ...followed]) : undefined;
  const files: (string | undefined)[] = [];
  for await (const stat of walk(root, wanted, new IgnoreMatcher(exclude))) {
    files.push(hasContent(stat) ? stat.path : undefined);
    await call.write(Packet.encode({ type: PACKET.STAT, stat }));
  }
  await call.write(Packet.encode({ type: PACKET.STAT }));
  for await (const message of call.messages()) {
    const packet = Packet.decode(message);
    if (packet.type === PACKET.FIN) {
      await call.write(Packet.encode({ type: PACKET.FIN }));
      return;
    }
    if (packet.type !== PACKET.REQUEST) continue;
    const path = files[packet.id];
    if (path === undefined) throw new GrpcError(CODE.INVALID_ARGUMENT, `invalid file id ${packet.id}`);
    await sendFile(call, join(root, path), packet.id);
  }
}

/** Of a file that is gone since it was listed, nothing: as every client of BuildKit does. */
async function sendFile(call: ServerCall, path: string, id: number): Promise<void> {
  const file = await unlessGone(open(path, "r"));
  try {
    const buffer = Buffer.allocUnsafe(CHUNK);
    while (file !== undefined) {
      const { bytesRead } = await file.read(buffer, 0, CHUNK);
      if (bytesRead === 0) break;
      await call.write(Packet.encode({ type: PACKET.DATA, id, data: buffer.subarray(0, bytesRead) }));
    }
  } finally {
    await file?.close();
  }
  await call.write(Packet.encode({ type: PACKET.DATA, id, data: NO_DATA }));
}

async function unlessGone<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}

/** Include patterns: a path is wanted when a pattern matches it or a folder above it. */
class Wanted {
  readonly #matcher: IgnoreMatcher;

  constructor(patterns: readonly string[]) {
    // As an ignore list that leaves out everything and takes these back.
    this.#matcher = new IgnoreMatcher([
      "**",
      ...patterns.filter((each) => each !== "").map((each) => `!${each}`),
    ]);
  }

  get root(): IgnoreState {
    return this.#matcher.root;
  }

  check(path: string, parent: IgnoreState) {
    const verdict = this.#matcher.check(path, parent);
    return { wanted: !verdict.excluded, descend: !verdict.prune, state: verdict.state };
  }
}

async function* walk(
  root: string,
  wanted: Wanted | undefined,
  ignored: IgnoreMatcher,
): AsyncGenerator<Stat, void, undefined> {
  const inodes = new Map<string, string>();
  /** Folders above that are told only when something below is. */
  const waiting: Stat[] = [];
  async function* folder(path: string, own: IgnoreState, want: IgnoreState): AsyncGenerator<Stat> {
    const names = await unlessGone(readdir(join(root, path), { encoding: "utf8" }));
    for (const name of names?.sort(byteOrder) ?? []) {
      const child = path === "" ? name : `${path}/${name}`;
      const verdict = ignored.check(child, own);
      const wish = wanted?.check(child, want) ?? { wanted: true, descend: true, state: want };
      const isFolder = async () => (await unlessGone(lstat(join(root, child))))?.isDirectory() ?? false;
      const shown = !verdict.excluded && wish.wanted;
      if (!shown && (verdict.prune || !wish.descend || !(await isFolder()))) continue;
      const stat = await unlessGone(statOf(root, child, inodes));
      if (stat === undefined) continue;
      const below = (stat.mode & 0x80000000) !== 0;
      if (shown) {
        yield* waiting.splice(0);
        yield stat;
      } else waiting.push(stat);
      if (below) yield* folder(child, verdict.state, wish.state);
      if (waiting.at(-1) === stat) waiting.pop();
    }
  }
  yield* folder("", ignored.root, wanted?.root ?? ignored.root);
}

async function statOf(root: string, path: string, inodes: Map<string, string>): Promise<Stat> {
  const full = join(root, path);
  const stat = await lstat(full, { bigint: true });
  const mode = Number(stat.mode);
  const kind = mode & S.IFMT;
  let linkname = kind === S.IFLNK ? await readlink(full) : "";
  let size = kind === S.IFREG ? Number(stat.size) : 0;
  if (kind === S.IFREG && stat.nlink > 1n) {
    const key = `${stat.dev}:${stat.ino}`;
    const first = inodes.get(key);
    if (first === undefined) inodes.set(key, path);
    else {
      linkname = first;
      size = 0;
    }
  }
  const device = kind === S.IFBLK || kind === S.IFCHR ? stat.rdev : 0n;
  return {
    path,
    mode: goMode(mode),
    uid: 0,
    gid: 0,
    size,
    modTime: stat.mtimeNs,
    linkname,
    devmajor: Number((device >> 8n) & 0xfffn),
    devminor: Number((device & 0xffn) | ((device >> 12n) & 0xfff00n)),
    xattrs: {},
  };
}

/** The paths themselves, and what their links lead to inside of the folder. */
async function followPaths(root: string, paths: readonly string[]): Promise<string[]> {
  const found = new Set<string>();
  for (const path of paths) {
    let at = clean(path);
    for (let hop = 0; hop < LINK_LIMIT && !found.has(at); hop++) {
      found.add(at);
      const target = /[*?[\\]/.test(at) ? undefined : await readlink(join(root, at)).catch(() => undefined);
      if (target === undefined) break;
      at = clean(target.startsWith("/") ? target : join(at, "..", target));
    }
  }
  return [...found];
}

/** Never above the root. */
function clean(path: string): string {
  return join("/", path).slice(1);
}

/** fsutil wants the names of a folder in the order of their bytes. */
function byteOrder(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
