import { systemError } from "@berth/base";
import { cleaned, pathBelowRoot, quoted } from "../files/names.ts";

export interface PlaceOptions {
  /** Where the root is for the user, absolute; default `/`. Below another root, links must not lead out of it, as in Docker. */
  shown?: string;
  /** What becomes of names that climb out of the root: an error (the default), or as in a layer for Docker, names below it. */
  climbing?: "refuse" | "contain";
}

/** Where the names of an archive lie, and Docker's sentences for those that lie elsewhere. */
export class Place {
  readonly #root: string;
  readonly #contain: boolean;

  constructor(options: PlaceOptions) {
    this.#root = options.shown ?? "/";
    this.#contain = options.climbing === "contain";
  }

  /** The path below the root. @throws system when it climbs out. */
  pathOf(name: string): string {
    const path = pathBelowRoot(name);
    if (path !== undefined) return path;
    if (this.#contain) return cleaned(`/${name}`).slice(1);
    throw systemError(`${quoted(cleaned(name))} is outside of ${quoted(this.#root)}`);
  }

  /** Path below the root of a hard link's target. @throws system when it is not below. */
  linkTarget(linkName: string): string {
    // The archive's absolute names are those below the root.
    const full = cleaned(`${this.#root}/${linkName}`);
    const target = this.#below(full);
    if (target !== undefined && target !== "") return target;
    throw systemError(`invalid hardlink ${quoted(full)} -> ${quoted(linkName)}`);
  }

  /** @throws system when a symbolic link at `path` would lead out. Links are followed below the file system's root only. */
  checkSymlink(path: string, linkName: string): void {
    const full = this.shown(path);
    if (this.#below(cleaned(`${full}/../${linkName}`)) === undefined) {
      throw systemError(`invalid symlink ${quoted(full)} -> ${quoted(linkName)}`);
    }
  }

  /** A path below the root as the user sees it. */
  shown(path: string): string {
    if (path === "") return this.#root;
    return this.#root === "/" ? `/${path}` : `${this.#root}/${path}`;
  }

  /** The path below the root of what the user sees as `full`; undefined when it is elsewhere. */
  #below(full: string): string | undefined {
    if (this.#root === "/") return full.slice(1);
    if (full === this.#root) return "";
    return full.startsWith(`${this.#root}/`) ? full.slice(this.#root.length + 1) : undefined;
  }
}
