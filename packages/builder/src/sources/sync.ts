import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import type { FileSync, FileSyncRequest, FileTransfer, SyncEntry } from "@berth/api/build";
import { END_OF_ARCHIVE, type EntryType, encodeHeader, padding, runJob } from "@berth/archive";
import { invalidParameter, writeFileAtomic } from "@berth/base";
import { S } from "@berth/linux";
import type { Snapshots } from "@berth/snapshot";
import { keyOf } from "../cache/key.ts";
import { ReadAhead } from "./read-ahead.ts";
import { ResizedFiles } from "./resized-files.ts";

const MAX_ENTRIES = 5_000_000;
const DATA = "data";
const MANIFEST = "manifest.json";
/** Stands for content that did not come. */
const NOTHING = new Uint8Array(1 << 20);
/** Front of the names of folders that no later build uses. */
const ONCE = "once-";

/** What was received before, by path: whatever makes an entry another one. */
type Manifest = Record<string, string>;

export type SyncReport = (received: number) => void;

/** Folders of clients as they were received; `<root>/<digest of the key>/{data,manifest.json}`. */
export class SyncedFolders {
  readonly #root: string;
  readonly #snapshots: Snapshots;
  readonly #busy = new Set<string>();
  #counter = 0;

  constructor(root: string, snapshots: Snapshots) {
    this.#root = root;
    this.#snapshots = snapshots;
    mkdirSync(root, { recursive: true, mode: 0o700 });
    // Of builds of a daemon that was killed: what has no manifest is half of a folder.
    for (const name of readdirSync(root)) {
      if (!existsSync(join(root, name, MANIFEST)) || name.startsWith(ONCE))
        snapshots.throwAway(join(root, name));
    }
  }

  /** What is kept, with the times of its last use and of its last change in milliseconds. */
  list(): { name: string; folder: string; used: number; changed: number }[] {
    return readdirSync(this.#root).flatMap((name) => {
      const folder = join(this.#root, name);
      const stat = statSync(join(folder, MANIFEST), { throwIfNoEntry: false });
      return stat === undefined || name.startsWith(ONCE)
        ? []
        : [{ name, folder, used: statSync(folder).mtimeMs, changed: stat.mtimeMs }];
    });
  }

  isUsed(name: string): boolean {
    return this.#busy.has(name);
  }

  remove(name: string): void {
    this.#snapshots.throwAway(join(this.#root, name));
  }

  /**
   * Brings the folder that was received under the same key up to date, or receives it anew when another build uses it or the key
   * is empty. It is the caller's until it is disposed.
   */
  async receive(
    sync: FileSync,
    request: FileSyncRequest,
    report: SyncReport,
    signal: AbortSignal,
  ): Promise<{ path: string; stays: boolean } & Disposable> {
    const name = keyOf(sync.key, request.include, request.follow);
    const isShared = sync.key !== "" && !this.#busy.has(name);
    const folder = join(this.#root, isShared ? name : `${ONCE}${++this.#counter}`);
    if (isShared) this.#busy.add(name);
    const release = () => {
      if (isShared) this.#busy.delete(name);
      else this.#snapshots.throwAway(folder);
    };
    try {
      await using transfer = await sync.open(request, signal);
      await this.#update(folder, transfer, report, signal);
    } catch (error) {
      // Half of an update is worth nothing.
      this.#snapshots.throwAway(folder);
      release();
      throw error;
    }
    return { path: join(folder, DATA), stays: isShared, [Symbol.dispose]: release };
  }

  async #update(
    folder: string,
    transfer: FileTransfer,
    report: SyncReport,
    signal: AbortSignal,
  ): Promise<void> {
    const before = readManifest(join(folder, MANIFEST));
    const after: Manifest = {};
    const wanted: SyncEntry[] = [];
    const folders = new Map<string, SyncEntry>();
    let hasMarks = false;
    let count = 0;
    for await (const entry of transfer.entries()) {
      signal.throwIfAborted();
      if (++count > MAX_ENTRIES)
        throw invalidParameter(`the build context has more than ${MAX_ENTRIES} entries`);
      checkPath(entry.path);
      if (entry.path.includes(".wh.")) hasMarks = true;
      const facts = factsOf(entry);
      if (Object.hasOwn(after, entry.path))
        throw invalidParameter(`the build context has ${entry.path} twice`);
      after[entry.path] = facts;
      if ((entry.mode & S.IFMT) === S.IFDIR) folders.set(entry.path, entry);
      if (before?.[entry.path] !== facts) wanted.push(entry);
    }
    const gone =
      before === undefined ? [] : Object.keys(before).filter((path) => !Object.hasOwn(after, path));
    // A file that is called like a mark of deletion would be one.
    const anew = before === undefined || (hasMarks && gone.length > 0);
    if (anew && existsSync(folder)) this.#snapshots.throwAway(folder);
    mkdirSync(join(folder, DATA), { recursive: true, mode: 0o755 });
    const entries = anew && before !== undefined ? await allOf(after, wanted, before) : wanted;
    if (entries === undefined)
      throw invalidParameter("the build context cannot be brought up to date", {
        hint: "Build again: it is received anew then.",
      });
    if (entries.length > 0 || gone.length > 0) {
      const changed = [...gone, ...entries.map(({ path }) => path)];
      const all = [...foldersOf(changed, folders, entries), ...entries];
      using resized = new ResizedFiles(folder);
      const tar = archiveOf(all, gone, transfer, resized, report, signal);
      await runJob(
        {
          job: "apply",
          folder: join(folder, DATA),
          whiteouts: gone.length > 0 ? "remove" : "keep",
          climbing: "refuse",
        },
        { stdin: tar, signal },
      );
      resized.apply(join(folder, DATA));
      // What is listed is not what was received: they are asked for again.
      for (const path of resized.paths()) after[path] = "";
    }
    if (anew || entries.length > 0 || gone.length > 0) {
      writeFileAtomic(join(folder, MANIFEST), JSON.stringify(after));
    }
    utimesSync(folder, new Date(), new Date());
  }
}

/** Undefined: entries that were received before are not in the listing of what is wanted. */
async function allOf(
  after: Manifest,
  wanted: SyncEntry[],
  before: Manifest,
): Promise<SyncEntry[] | undefined> {
  return Object.keys(after).some((path) => before[path] === after[path]) ? undefined : wanted;
}

/** The folders that `paths` are in, and that are not among `entries`: what is changed in them changes their times, which are set again. */
function foldersOf(
  paths: readonly string[],
  folders: ReadonlyMap<string, SyncEntry>,
  entries: readonly SyncEntry[],
): Set<SyncEntry> {
  const found = new Set<SyncEntry>();
  for (const path of paths) {
    const folder = folders.get(path.slice(0, Math.max(path.lastIndexOf("/"), 0)));
    if (folder !== undefined) found.add(folder);
  }
  for (const entry of entries) found.delete(entry);
  return found;
}

async function* archiveOf(
  entries: readonly SyncEntry[],
  gone: readonly string[],
  transfer: FileTransfer,
  resized: ResizedFiles,
  report: SyncReport,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const owner = { uid: 0, gid: 0, mtime: { seconds: 0, nanoseconds: 0 } };
  for (const path of gone) {
    const slash = path.lastIndexOf("/") + 1;
    const name = `${path.slice(0, slash)}.wh.${path.slice(slash)}`;
    yield encodeHeader({ type: "file", name, mode: 0o600, ...owner });
  }
  const contents = new ReadAhead(
    transfer,
    entries.filter((entry) => typeOf(entry) === "file"),
  );
  let received = 0;
  for (const entry of entries) {
    signal.throwIfAborted();
    const type = typeOf(entry);
    if (type === undefined) continue;
    const size = type === "file" ? entry.size : 0;
    yield encodeHeader(
      {
        type,
        name: entry.path,
        mode: entry.mode & 0o7777,
        uid: entry.uid,
        gid: entry.gid,
        size,
        linkName: entry.linkTarget ?? "",
        mtime: {
          seconds: Number(entry.mtime / 1_000_000_000n),
          nanoseconds: Number(entry.mtime % 1_000_000_000n),
        },
        ...(entry.xattrs && { xattrs: new Map(Object.entries(entry.xattrs)) }),
      },
      { subSecondTimes: true },
    );
    if (type !== "file") continue;
    let left = size;
    for await (const all of contents.take(entry)) {
      const piece = all.subarray(0, left);
      if (all.length > left) resized.grew(entry, all.subarray(left));
      left -= piece.length;
      received += all.length;
      report(received);
      if (piece.length > 0) yield piece;
    }
    if (left > 0) resized.shrank(entry, size - left);
    for (; left > 0; left -= Math.min(left, NOTHING.length)) yield NOTHING.subarray(0, left);
    const filling = padding(size);
    if (filling > 0) yield new Uint8Array(filling);
  }
  yield END_OF_ARCHIVE;
}

function typeOf(entry: SyncEntry): EntryType | undefined {
  switch (entry.mode & S.IFMT) {
    case S.IFDIR:
      return "directory";
    case S.IFLNK:
      return "symlink";
    case S.IFIFO:
      return "fifo";
    case S.IFREG:
      return entry.linkTarget ? "link" : "file";
    default:
      return undefined;
  }
}

function factsOf(entry: SyncEntry): string {
  const { mode, uid, gid, size, linkTarget = "" } = entry;
  const isFolder = (mode & S.IFMT) === S.IFDIR;
  const attributes = Object.entries(entry.xattrs ?? {}).map(
    ([name, value]) => `${name}=${Buffer.from(value).toString("hex")}`,
  );
  return `${mode}:${uid}:${gid}:${isFolder ? 0 : size}:${entry.mtime}:${linkTarget}:${attributes.sort().join(";")}`;
}

function checkPath(path: string): void {
  const parts = path.split("/");
  if (
    path === "" ||
    path.length > 65_536 ||
    parts.some((part) => part === "" || part === "." || part === "..")
  ) {
    throw invalidParameter(`the build context has an invalid path: ${JSON.stringify(path.slice(0, 200))}`);
  }
}

function readManifest(path: string): Manifest | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Manifest;
  } catch {
    return undefined;
  }
}
