import { isErrno, posixSpawn, waitpid } from "@berth/linux";
import type { LogCompressor } from "@berth/logging";

/** Compresses rotated logs with gzip, one at a time; it replaces the file when it is done. */
export class GzipCompressor implements LogCompressor {
  #child = 0;

  start(path: string): void {
    this.#child = posixSpawn({
      path: "/usr/bin/gzip",
      args: ["gzip", "-f", path],
      env: ["PATH=/usr/bin:/bin"],
      devNull: [0, 1, 2],
    });
  }

  settle(): void {
    if (this.#child === 0) return;
    try {
      waitpid(this.#child);
    } catch (error) {
      // It was reaped with the shim's other children.
      if (!isErrno(error, "ECHILD")) throw error;
    }
    this.#child = 0;
  }
}
