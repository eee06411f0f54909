import { Applier, pack, readPieces, TarReader } from "@berth/archive";
import { close, O, open } from "@berth/linux";
import { fileError } from "../io/files.ts";
import { clean, splitEntry } from "./paths.ts";
import { type Plan, renamed, type Source } from "./plan.ts";

/** A file or folder as a tar, its topmost entry named as planned. Each piece is a buffer of its own. */
export async function* packLocal(
  source: Source,
  rename: Plan["rename"],
): AsyncGenerator<Uint8Array, void, undefined> {
  const { folder, name } = splitEntry(source.path);
  const shownName = source.name ?? name;
  const content = name === "." || name === "/";
  const root = openFolder(folder);
  try {
    const nameOf = (path: string) => {
      // Below a folder whose content is copied, names begin with a dot.
      const inArchive = content
        ? path === ""
          ? shownName
          : `${shownName === "/" ? "" : shownName}/${path}`
        : shownName + path.slice(name.length);
      return renamed(inArchive, rename);
    };
    const options = content ? { nameOf } : { nameOf, include: [name] };
    // What is read lies in a buffer that is used again, while the last piece may still be on its way.
    for (const piece of readPieces(pack(root, options))) yield piece.slice();
  } finally {
    close(root);
  }
}

/**
 * Unpacks a container's archive. Nothing outside of the folder is touched, whatever the archive says; files belong to who
 * copies them.
 */
export async function unpackLocal(archive: AsyncIterable<Uint8Array>, plan: Plan): Promise<void> {
  const root = openFolder(plan.folder);
  try {
    using applier = new Applier(root, {
      whiteouts: "keep",
      keepKinds: true,
      shown: clean(plan.folder),
      owner: { uid: process.geteuid!(), gid: process.getegid!() },
    });
    const reader = new TarReader({
      entry: (entry) => {
        const linkName = entry.type === "link" ? renamed(entry.linkName, plan.rename) : entry.linkName;
        applier.entry({ ...entry, name: renamed(entry.name, plan.rename), linkName });
      },
      data: (bytes, position) => applier.data(bytes, position),
      end: () => applier.end(),
    });
    for await (const chunk of archive) reader.push(chunk);
    reader.finish();
    applier.finish();
  } finally {
    close(root);
  }
}

function openFolder(path: string): number {
  try {
    return open(path, O.RDONLY | O.DIRECTORY | O.CLOEXEC);
  } catch (error) {
    throw fileError("open", path, error);
  }
}
