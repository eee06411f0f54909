import { AT, futimens, isErrno, S, statIfExists, utimensat } from "@berth/linux";
import type { Directories } from "../files/directories.ts";
import { baseOf, folderOf } from "../files/names.ts";
import type { TarTime } from "../tar/entry.ts";

/** Times of folders. They are set when nothing is put into the folders any more, for that would change them. */
export class DirectoryTimes {
  readonly #times = new Map<string, { access: TarTime; modification: TarTime }>();
  #uncertain = false;

  set(path: string, access: TarTime, modification: TarTime): void {
    this.#times.set(path, { access, modification });
  }

  /** A folder was removed: what a path leads to has to be looked at. */
  uncertain(): void {
    this.#uncertain = true;
  }

  apply(directories: Directories): void {
    for (const [path, { access, modification }] of this.#times) {
      if (path === "") {
        futimens(directories.root, access, modification);
        continue;
      }
      try {
        const parent = directories.find(folderOf(path)).fd;
        const name = baseOf(path);
        if (this.#uncertain && ((statIfExists(parent, name)?.mode ?? 0) & S.IFMT) !== S.IFDIR) continue;
        utimensat(parent, name, access, modification, AT.SYMLINK_NOFOLLOW);
      } catch (error) {
        if (!(this.#uncertain && isErrno(error, "ENOENT", "ENOTDIR"))) throw error;
      }
    }
  }
}
