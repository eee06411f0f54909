import { readFileSync } from "node:fs";
import { type FileHandle, open, rm, unlink } from "node:fs/promises";
import { systemError } from "@berth/base";
import type { PartialBlob } from "./content.ts";

/** Parts of one blob that are kept apart; more would be a hostile list. */
const MOST_PARTS = 4096;

type Range = [from: number, to: number];

/**
 * A blob that is being fetched. Which parts are there is written into a small file beside it after each write, so that a
 * killed daemon loses nothing. After a power failure parts may be missing: whoever completes the blob verifies it.
 */
export class FilePartialBlob implements PartialBlob {
  readonly path: string;
  readonly size: number;
  readonly #file: FileHandle;
  readonly #record: FileHandle;
  #ranges: Range[];
  readonly #publish: (path: string) => Promise<void>;
  readonly #closed: () => void;
  #open = true;

  private constructor(
    path: string,
    size: number,
    handles: { file: FileHandle; record: FileHandle },
    ranges: Range[],
    publish: (path: string) => Promise<void>,
    closed: () => void,
  ) {
    this.path = path;
    this.size = size;
    this.#file = handles.file;
    this.#record = handles.record;
    this.#ranges = ranges;
    this.#publish = publish;
    this.#closed = closed;
  }

  /** `publish` gives the complete, synced file its place. */
  static async open(
    path: string,
    size: number,
    publish: (path: string) => Promise<void>,
    closed: () => void,
  ): Promise<FilePartialBlob> {
    const ranges = readRanges(recordPath(path), size);
    const flags = ranges.length === 0 ? "w+" : "r+";
    let file: FileHandle;
    try {
      file = await open(path, flags, 0o600);
    } catch (error) {
      if ((error as { code?: string }).code !== "ENOENT") throw error;
      ranges.length = 0;
      file = await open(path, "w+", 0o600);
    }
    try {
      const { size: length } = await file.stat();
      const kept = ranges.flatMap(([from, to]): Range[] =>
        from >= length ? [] : [[from, Math.min(to, length)]],
      );
      const record = await open(recordPath(path), "w", 0o600);
      const partial = new FilePartialBlob(path, size, { file, record }, kept, publish, closed);
      await partial.#write();
      return partial;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  ranges(): readonly (readonly [number, number])[] {
    return this.#ranges;
  }

  get prefix(): number {
    const [first] = this.#ranges;
    return first !== undefined && first[0] === 0 ? first[1] : 0;
  }

  get complete(): boolean {
    return this.prefix === this.size;
  }

  async write(offset: number, pieces: readonly Uint8Array[]): Promise<void> {
    let rest = pieces as Uint8Array[];
    let at = offset;
    try {
      while (rest.length > 0) {
        const { bytesWritten } = await this.#file.writev(rest, at);
        at += bytesWritten;
        rest = after(rest, bytesWritten);
      }
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      const why = code === "ENOSPC" ? "no space left on device" : message;
      throw systemError(`write ${this.path}: ${why}`, { cause: error });
    }
    this.#add(offset, at);
    await this.#write();
  }

  async commit(): Promise<void> {
    if (!this.complete) throw new Error("the blob is not complete");
    await this.#file.sync();
    await this.#close();
    await this.#publish(this.path);
    await rm(recordPath(this.path), { force: true });
    this.#closed();
  }

  async discard(): Promise<void> {
    if (!this.#open) return;
    await this.#close();
    await unlink(this.path).catch(() => {});
    await rm(recordPath(this.path), { force: true });
    this.#closed();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Of what never began nothing is kept.
    if (this.#ranges.length === 0) return await this.discard();
    if (!this.#open) return;
    await this.#close();
    this.#closed();
  }

  async #close(): Promise<void> {
    this.#open = false;
    await this.#file.close();
    await this.#record.close();
  }

  #add(from: number, to: number): void {
    if (to <= from) return;
    const merged: Range[] = [];
    let [low, high] = [from, to];
    for (const range of this.#ranges) {
      if (range[1] < low || range[0] > high) merged.push(range);
      else [low, high] = [Math.min(low, range[0]), Math.max(high, range[1])];
    }
    merged.push([low, high]);
    this.#ranges = merged.sort((a, b) => a[0] - b[0]);
  }

  /** One small write of a fixed width: a reader finds the old or the new list. */
  async #write(): Promise<void> {
    if (!this.#open) return;
    const text = JSON.stringify({ size: this.size, ranges: this.#ranges });
    await this.#record.write(Buffer.from(text.padEnd(512)), 0, undefined, 0);
  }
}

function recordPath(path: string): string {
  return `${path}.parts`;
}

function after(pieces: readonly Uint8Array[], written: number): Uint8Array[] {
  let skip = written;
  const rest: Uint8Array[] = [];
  for (const piece of pieces) {
    if (skip >= piece.length) skip -= piece.length;
    else {
      rest.push(skip === 0 ? piece : piece.subarray(skip));
      skip = 0;
    }
  }
  return rest;
}

/** Nothing when the record is of another size, or not whole. */
function readRanges(path: string, size: number): Range[] {
  try {
    const record = JSON.parse(readFileSync(path, "utf8")) as { size: unknown; ranges: unknown };
    if (record.size !== size || !Array.isArray(record.ranges) || record.ranges.length > MOST_PARTS) return [];
    let end = -1;
    return record.ranges.map((range: unknown): Range => {
      const [from, to] = range as [number, number];
      if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to)) throw new Error("no range");
      if (from <= end || to <= from || to > size) throw new Error("no range");
      end = to;
      return [from, to];
    });
  } catch {
    return [];
  }
}
