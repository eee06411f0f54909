import { closeSync, fstatSync, openSync, renameSync, unlinkSync, writeSync } from "node:fs";
import { JsonLogEncoder, type StreamName } from "./encoder.ts";

/** Where a container's output goes. Calls are synchronous. */
export interface LogSink {
  /** The first `length` bytes of `chunk`, which may be used again after the call. `time`: RFC 3339 with nanoseconds. */
  write(stream: StreamName, chunk: Uint8Array, length: number, time: string): void;
  /** Nothing more will come: what was printed without a newline at its end is written too. */
  end(time: string): void;
}

/** Compresses rotated files to `<path>.gz` beside the writer's work. */
export interface LogCompressor {
  start(path: string): void;
  /** Returns when the last one that was started is done: its file is about to get another name. */
  settle(): void;
}

export interface JsonFileOptions {
  /** Bytes after which the file is rotated; 0: never. */
  maxSize: number;
  /** Files kept, the current one included; at least 1. */
  maxFiles: number;
  /** Absent: rotated files stay as they are. */
  compress?: LogCompressor;
  attributes: Record<string, string>;
}

/**
 * One container's json-file log: `path`, and after rotation `path.1` (newer) to `path.N` (older), `.gz` when compressed.
 * Synchronous; owned by exactly one shim. A record is never split between two files.
 */
export class JsonFileWriter implements LogSink, Disposable {
  readonly #path: string;
  readonly #options: JsonFileOptions;
  #fd: number;
  #size: number;
  readonly #encoders: Partial<Record<StreamName, JsonLogEncoder>> = {};

  constructor(path: string, options: JsonFileOptions) {
    this.#path = path;
    this.#options = options;
    this.#fd = openSync(path, "a", 0o640);
    this.#size = fstatSync(this.#fd).size;
  }

  /** `time`: RFC 3339 with nanoseconds. */
  write(stream: StreamName, chunk: Uint8Array, length: number, time: string): void {
    this.#encoder(stream).write(chunk, length, time);
  }

  /** Writes what was printed without a newline at its end. */
  end(time: string): void {
    for (const encoder of Object.values(this.#encoders)) encoder.end(time);
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  #encoder(stream: StreamName): JsonLogEncoder {
    let encoder = this.#encoders[stream];
    if (encoder === undefined) {
      encoder = new JsonLogEncoder(
        stream,
        (buffer, length) => this.#append(buffer, length),
        this.#options.attributes,
      );
      this.#encoders[stream] = encoder;
    }
    return encoder;
  }

  #append(buffer: Uint8Array, length: number): void {
    let from = 0;
    while (from < length) {
      const to = this.#options.maxSize > 0 ? this.#roomFor(buffer, from, length) : length;
      this.#writeAll(buffer, from, to);
      from = to;
    }
  }

  /** End of the records from `from` that go into the current file; rotates first when it is full. As Docker: a file grows until it passes the limit. */
  #roomFor(buffer: Uint8Array, from: number, length: number): number {
    if (this.#size >= this.#options.maxSize) this.#rotate();
    const room = this.#options.maxSize - this.#size;
    if (length - from <= room) return length;
    const end = buffer.indexOf(0x0a, from + room - 1);
    return end < 0 || end >= length ? length : end + 1;
  }

  #writeAll(buffer: Uint8Array, from: number, to: number): void {
    try {
      for (let at = from; at < to; ) {
        const written = writeSync(this.#fd, buffer, at, to - at);
        at += written;
        this.#size += written;
      }
    } catch {
      // A full disk must not stop the container; what cannot be written is lost, as with Docker.
    }
  }

  #rotate(): void {
    const { maxFiles, compress } = this.#options;
    const renameIfThere = (from: string, to: string) => {
      try {
        renameSync(from, to);
      } catch {
        // There are fewer files than allowed.
      }
    };
    try {
      compress?.settle();
      if (maxFiles > 1) {
        for (let i = maxFiles - 1; i > 1; i--) {
          renameIfThere(`${this.#path}.${i - 1}`, `${this.#path}.${i}`);
          renameIfThere(`${this.#path}.${i - 1}.gz`, `${this.#path}.${i}.gz`);
        }
        renameSync(this.#path, `${this.#path}.1`);
        compress?.start(`${this.#path}.1`);
      } else {
        unlinkSync(this.#path);
      }
      const fd = openSync(this.#path, "a", 0o640);
      closeSync(this.#fd);
      this.#fd = fd;
      this.#size = 0;
    } catch {
      // Keep writing to the old file: output is worth more than its bounds.
      this.#size = 0;
    }
  }
}
