import type { FileTransfer, SyncEntry } from "@berth/api/build";

/** Files that are asked for before their turn. */
const WINDOW = 16;
/** A larger one waits for its turn: what comes early waits in memory. */
const SMALL = 64 << 10;

/**
 * Contents of files, read in the order of their list. A request takes a round trip, for small files longer than what it brings: the next
 * few are asked for meanwhile.
 */
export class ReadAhead {
  readonly #transfer: FileTransfer;
  readonly #files: readonly SyncEntry[];
  readonly #asked = new Map<string, ReadableStream<Uint8Array>>();
  #next = 0;

  constructor(transfer: FileTransfer, files: readonly SyncEntry[]) {
    this.#transfer = transfer;
    this.#files = files;
  }

  /** The content of the next file. */
  take({ path }: SyncEntry): ReadableStream<Uint8Array> {
    const asked = this.#asked.get(path);
    if (asked !== undefined) this.#asked.delete(path);
    else this.#next++;
    const content = asked ?? this.#transfer.read(path);
    while (this.#asked.size < WINDOW) {
      const file = this.#files[this.#next];
      if (file === undefined || file.size > SMALL) break;
      this.#asked.set(file.path, this.#transfer.read(file.path));
      this.#next++;
    }
    return content;
  }
}
