import { mkdirSync } from "node:fs";
import { invalidParameter } from "@berth/base";
import {
  closeQuietly,
  forgetVolatile,
  isErrno,
  MS,
  mkdirat,
  mount,
  mountOverlay,
  O,
  open,
  openat2,
  RESOLVE,
  readFull,
  SyscallError,
} from "@berth/linux";
import type { RootfsMount } from "@berth/spec";

/** Mounts a container's root filesystem at `target` in this process' mount namespace. `volatile`: see `Launch.once`. */
export function mountRootfs(rootfs: RootfsMount, target: string, volatile: boolean): void {
  mkdirSync(target, { recursive: true, mode: 0o755 });
  if (rootfs.kind === "directory") {
    mount(rootfs.path, target, "", MS.BIND | MS.REC);
    return;
  }
  if (rootfs.work !== undefined) forgetVolatile(rootfs.work);
  mountOverlay(
    {
      lower: rootfs.lower,
      ...(rootfs.upper === undefined ? {} : { upper: rootfs.upper }),
      ...(rootfs.work === undefined ? {} : { work: rootfs.work }),
      volatile,
    },
    target,
  );
}

/** A mounted root filesystem, looked at with the image as the root: its links never lead to the host. */
export class Root implements Disposable {
  readonly #fd: number;

  constructor(path: string) {
    this.#fd = open(path, O.PATH | O.DIRECTORY | O.CLOEXEC);
  }

  /** Text of a small file; undefined when it is not there. Longer files are cut at `limit` bytes. */
  readText(path: string, limit = 1024 * 1024): string | undefined {
    let fd: number;
    try {
      fd = openat2(
        this.#fd,
        path,
        O.RDONLY | O.CLOEXEC | O.NONBLOCK,
        RESOLVE.IN_ROOT | RESOLVE.NO_MAGICLINKS,
      );
    } catch (error) {
      if (error instanceof SyscallError) return undefined;
      throw error;
    }
    try {
      // The common file is small: memory that a shim touches stays its own.
      let text = Buffer.alloc(4096);
      for (let length = 0; ; ) {
        const count = readFull(fd, text, length);
        length += count;
        if (length < text.length || length >= limit) return text.toString("utf8", 0, length);
        text = Buffer.concat([text], Math.min(limit, text.length * 4));
      }
    } catch {
      // A folder or a device where a file should be.
      return undefined;
    } finally {
      closeQuietly(fd);
    }
  }

  /** Makes a folder and its parents, mode 0755, owned by root; nothing when it is there. @throws invalid-parameter with Docker's sentence; SyscallError */
  makeFolder(path: string): void {
    try {
      this.#makeFolder(path);
    } catch (error) {
      if (isErrno(error, "ENOTDIR"))
        throw invalidParameter(`Cannot mkdir: ${path} is not a directory`, { cause: error });
      throw error;
    }
  }

  #makeFolder(path: string): void {
    if (this.#isFolder(path)) return;
    let done = "/";
    for (const name of path.split("/").filter((part) => part !== "" && part !== ".")) {
      const next = `${done === "/" ? "" : done}/${name}`;
      if (!this.#isFolder(next)) {
        const parent = openat2(
          this.#fd,
          done,
          O.PATH | O.DIRECTORY | O.CLOEXEC,
          RESOLVE.IN_ROOT | RESOLVE.NO_MAGICLINKS,
        );
        try {
          mkdirat(parent, name, 0o755);
        } finally {
          closeQuietly(parent);
        }
      }
      done = next;
    }
  }

  #isFolder(path: string): boolean {
    try {
      closeQuietly(
        openat2(this.#fd, path, O.PATH | O.DIRECTORY | O.CLOEXEC, RESOLVE.IN_ROOT | RESOLVE.NO_MAGICLINKS),
      );
      return true;
    } catch (error) {
      if (isErrno(error, "ENOENT")) return false;
      throw error;
    }
  }

  [Symbol.dispose](): void {
    closeQuietly(this.#fd);
  }
}
