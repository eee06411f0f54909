import { resolveInTree, type TreeLookup } from "@berth/archive";
import {
  AT,
  closeQuietly,
  getXattr,
  isErrno,
  O,
  open,
  openat,
  readDirectory,
  readlinkat,
  S,
  type Stat,
  statIfExists,
} from "@berth/linux";

const FOLDER = O.RDONLY | O.DIRECTORY | O.NOFOLLOW;
const OPAQUE = "trusted.overlay.opaque";

/** Where something of a stack of layers lies on the host. */
export interface StackPlace {
  isFolder: boolean;
  /** Of a folder: what has to be stacked to see it, topmost first. Of anything else: the one path of it. */
  paths: string[];
  stat: Stat;
}

/**
 * Looks into overlayfs layers without mounting them, part by part and without following links on the host. For a few files;
 * who reads much mounts them in a worker.
 */
export class LayerStack implements TreeLookup {
  readonly #layers: readonly string[];

  /** Folders of the layers, topmost first. */
  constructor(layers: readonly string[]) {
    this.#layers = layers;
  }

  /** As `TreeLookup.find`: links are not followed. */
  find(path: string): { mode: number; link?: string } | undefined {
    const place = this.#place(path);
    if (place === undefined) return undefined;
    const { mode } = place.stat;
    if ((mode & S.IFMT) !== S.IFLNK) return { mode };
    return { mode, link: readlinkat(AT.FDCWD, place.paths[0] as string) };
  }

  names(path: string): string[] {
    const found = new Set<string>();
    const hidden = new Set<string>();
    for (const folder of this.#place(path)?.paths ?? []) {
      const fd = open(folder, O.RDONLY | O.DIRECTORY);
      try {
        for (const { name } of readDirectory(fd)) {
          if (found.has(name) || hidden.has(name)) continue;
          const stat = statIfExists(fd, name);
          if (stat !== undefined && !isWhiteout(stat)) found.add(name);
          else hidden.add(name);
        }
      } finally {
        closeQuietly(fd);
      }
    }
    return [...found];
  }

  /** Where a path leads, links followed inside the stack; undefined when nothing is there. @throws SyscallError ELOOP */
  resolve(path: string): StackPlace | undefined {
    const real = resolveInTree(this, path);
    return real === undefined ? undefined : this.#place(real);
  }

  /** What is at a path itself, a link too. */
  at(path: string): StackPlace | undefined {
    return this.#place(path.split("/").filter(Boolean).join("/"));
  }

  /** Text of a small file, links followed inside the stack; undefined when there is none. */
  readText(path: string, maximum: number): Promise<string> | undefined {
    const place = this.resolve(path);
    if (place === undefined || (place.stat.mode & S.IFMT) !== S.IFREG || place.stat.size > maximum)
      return undefined;
    return Bun.file(place.paths[0] as string).text();
  }

  #place(path: string): StackPlace | undefined {
    const parts = path === "" ? [] : path.split("/");
    const folders: string[] = [];
    let top: Stat | undefined;
    for (const layer of this.#layers) {
      const look = lookInLayer(layer, parts);
      if (look.stat !== undefined) {
        const isFolder = (look.stat.mode & S.IFMT) === S.IFDIR;
        // A file below a folder is hidden by it.
        if (!isFolder) {
          if (top === undefined) return { isFolder, paths: [[layer, ...parts].join("/")], stat: look.stat };
          break;
        }
        top ??= look.stat;
        folders.push([layer, ...parts].join("/"));
      }
      if (look.ends) break;
    }
    return top === undefined ? undefined : { isFolder: true, paths: folders, stat: top };
  }
}

/** `ends`: the layers below do not count at this path. */
function lookInLayer(layer: string, parts: readonly string[]): { stat: Stat | undefined; ends: boolean } {
  let fd = open(layer, O.RDONLY | O.DIRECTORY);
  let ends = false;
  try {
    if (parts.length === 0) return { stat: statIfExists(fd, "."), ends: isOpaque(fd) };
    for (const [index, part] of parts.entries()) {
      const stat = statIfExists(fd, part);
      if (stat === undefined) return { stat: undefined, ends };
      if (isWhiteout(stat)) return { stat: undefined, ends: true };
      const isFolder = (stat.mode & S.IFMT) === S.IFDIR;
      if (index === parts.length - 1) {
        if (!isFolder) return { stat, ends: true };
        const child = openat(fd, part, FOLDER);
        const opaque = isOpaque(child);
        closeQuietly(child);
        return { stat, ends: ends || opaque };
      }
      if (!isFolder) return { stat: undefined, ends: true };
      const child = openat(fd, part, FOLDER);
      closeQuietly(fd);
      fd = child;
      if (isOpaque(fd)) ends = true;
    }
    return { stat: undefined, ends };
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "ELOOP")) return { stat: undefined, ends: true };
    throw error;
  } finally {
    closeQuietly(fd);
  }
}

function isWhiteout(stat: Stat): boolean {
  return (stat.mode & S.IFMT) === S.IFCHR && stat.rdevMajor === 0 && stat.rdevMinor === 0;
}

function isOpaque(fd: number): boolean {
  const value = getXattr(fd, OPAQUE);
  return value !== undefined && value[0] === 0x79;
}
