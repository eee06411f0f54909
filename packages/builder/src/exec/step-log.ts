import { nowNanoseconds } from "@berth/base";

/** Bytes of one step that are passed on; BuildKit's default. */
const LIMIT = 2 * 1024 * 1024;
/** Bytes that are kept for the error and for a build that joins. */
const KEPT = 64 * 1024;
const HEADER = 8;

export interface LogPiece {
  stream: 1 | 2;
  data: Uint8Array;
  timestamp: bigint;
}

/** Takes a shim's frames apart, limits and keeps what a step writes. */
export class StepLog {
  readonly #listeners = new Set<(piece: LogPiece) => void>();
  #rest: Uint8Array = new Uint8Array(0);
  #passed = 0;
  #kept: LogPiece[] = [];
  #keptBytes = 0;

  /** Told of what is kept already, too. */
  listen(listener: (piece: LogPiece) => void): void {
    for (const piece of this.#kept) listener(piece);
    this.#listeners.add(listener);
  }

  forget(listener: (piece: LogPiece) => void): void {
    this.#listeners.delete(listener);
  }

  /** Docker's frames: stream, three zeros, length (4 bytes, big-endian), data. */
  frames(bytes: Uint8Array): void {
    let data = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    while (data.length >= HEADER) {
      const length = new DataView(data.buffer, data.byteOffset).getUint32(4);
      if (data.length < HEADER + length) break;
      this.write(data[0] === 2 ? 2 : 1, data.subarray(HEADER, HEADER + length));
      data = data.subarray(HEADER + length);
    }
    this.#rest = data.slice();
  }

  write(stream: 1 | 2, bytes: Uint8Array): void {
    const piece = { stream, data: new Uint8Array(bytes), timestamp: nowNanoseconds() };
    this.#keep(piece);
    if (this.#passed > LIMIT) return;
    this.#passed += piece.data.length;
    if (this.#passed > LIMIT) {
      const note = Buffer.from(`\n[output clipped, log limit ${LIMIT / 1024 / 1024}MiB reached]\n`);
      this.#tell({ ...piece, data: piece.data.subarray(0, piece.data.length - (this.#passed - LIMIT)) });
      this.#tell({ stream: 2, data: note, timestamp: piece.timestamp });
    } else this.#tell(piece);
  }

  /** The last lines. */
  tail(lines: number): string {
    const text = Buffer.concat(this.#kept.map((piece) => piece.data)).toString();
    return text.replace(/\n$/, "").split("\n").slice(-lines).join("\n");
  }

  #keep(piece: LogPiece): void {
    this.#kept.push(piece);
    this.#keptBytes += piece.data.length;
    while (this.#keptBytes > KEPT && this.#kept.length > 1) {
      this.#keptBytes -= (this.#kept.shift() as LogPiece).data.length;
    }
  }

  #tell(piece: LogPiece): void {
    for (const listener of this.#listeners) listener(piece);
  }
}
