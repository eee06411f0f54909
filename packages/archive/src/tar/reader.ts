import type { BerthError } from "@berth/base";
import { decodeName } from "@berth/linux";
import type { Extent, TarEntry } from "./entry.ts";
import { DamagedArchive, invalidHeader, unexpectedEnd } from "./failure.ts";
import { FIELD, isZeroBlock, parseHeader, type RawHeader } from "./header.ts";
import { BLOCK, MAX_GLOBAL_RECORDS, MAX_METADATA } from "./limits.ts";
import { finishSparse, type GnuFacts, type Member, makeMember } from "./member.ts";
import { parseNumber } from "./numbers.ts";
import { emptyRecords, mergeRecords, NO_RECORDS, type PaxRecords, parsePax } from "./pax.ts";
import { ExtentList, readGnuMap, SparseMapReader } from "./sparse.ts";

/** Receives the members of an archive, one after the other: `entry`, any number of `data`, `end`. */
export interface TarSink {
  entry(entry: TarEntry): void;
  /** Content at `position` of the file. `bytes` lie in the reader's input and are valid only during the call. */
  data(bytes: Uint8Array, position: number): void;
  /** The content is complete. */
  end(): void;
}

/** Type flags that are no members. */
const FLAG = {
  pax: 0x78,
  paxGlobal: 0x67,
  longName: 0x4c,
  longLink: 0x4b,
  label: 0x56,
  sparse: 0x53,
} as const;

type State = "header" | "metadata" | "gnu-map" | "pax-map" | "data" | "done";

/**
 * Incremental reader of tar archives: v7, ustar, PAX (local and global records), GNU (long names, base-256 numbers), star;
 * sparse files in GNU's old format and in PAX 0.0, 0.1 and 1.0. What is fed is passed on without copies, and the memory
 * that is used is bounded (limits.ts) whatever the input is.
 *
 * After the two zero blocks of the end, or after an error, input is ignored or refused, respectively.
 */
export class TarReader {
  /** Members that were seen. */
  entries = 0;
  /** True after the two zero blocks that end an archive. */
  ended = false;
  readonly #sink: TarSink;
  #state: State = "header";
  #failure: BerthError | undefined;
  /** Bytes that were fed before the current chunk. */
  #fed = 0;
  /** Where the current header began. */
  #headerAt = 0;
  readonly #carry = new Uint8Array(BLOCK);
  #carried = 0;
  #zeroBlocks = 0;
  /** Bytes of the current content, and of the filling behind it, that are still to come. */
  #remaining = 0;
  #padding = 0;
  /** Bytes of content passed on, and the run of a sparse file that is next. */
  #position = 0;
  #extent = 0;
  #entry: TarEntry | undefined;
  #member: Member | undefined;
  #metadata = new Uint8Array(4096);
  #metadataLength = 0;
  #metadataFlag = 0;
  #global = emptyRecords();
  #own: PaxRecords | undefined;
  #gnu: GnuFacts = {};
  #sparseHeader: RawHeader | undefined;
  #mapReader: SparseMapReader | undefined;

  constructor(sink: TarSink) {
    this.#sink = sink;
  }

  /**
   * Takes the next bytes of the archive.
   * @throws system for a damaged archive, and whatever the sink throws; the reader cannot be used further.
   */
  push(chunk: Uint8Array): void {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      let at = 0;
      while (at < chunk.length && this.#state !== "done") {
        at =
          this.#state === "data" || this.#state === "metadata"
            ? this.#content(chunk, at)
            : this.#block(chunk, at);
      }
      this.#fed += chunk.length;
    } catch (error) {
      this.#failure = error instanceof DamagedArchive ? error.at(this.#headerAt) : (error as BerthError);
      throw this.#failure;
    }
  }

  /** The input is at its end. @throws system when a member is incomplete. */
  finish(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#state === "done") return;
    // As Go has it: what fills up the last block may be missing.
    const atBoundary = this.#state === "header" || (this.#state === "data" && this.#remaining === 0);
    if (!atBoundary || this.#carried > 0 || this.#isPending()) throw unexpectedEnd(this.#fed);
  }

  /** Something was said about a member that did not come yet. */
  #isPending(): boolean {
    return this.#own !== undefined || this.#gnu.longName !== undefined || this.#gnu.longLink !== undefined;
  }

  /** Collects a whole block, in place when the chunk holds it, and handles it. */
  #block(chunk: Uint8Array, at: number): number {
    if (this.#carried === 0 && chunk.length - at >= BLOCK) {
      this.#takeBlock(chunk, at, this.#fed + at);
      return at + BLOCK;
    }
    const count = Math.min(BLOCK - this.#carried, chunk.length - at);
    this.#carry.set(chunk.subarray(at, at + count), this.#carried);
    this.#carried += count;
    if (this.#carried === BLOCK) {
      this.#carried = 0;
      this.#takeBlock(this.#carry, 0, this.#fed + at + count - BLOCK);
    }
    return at + count;
  }

  #takeBlock(block: Uint8Array, at: number, position: number): void {
    if (this.#state === "header") this.#takeHeader(block, at, position);
    else if (this.#state === "gnu-map") this.#takeGnuMap(block, at);
    else this.#takePaxMap(block, at);
  }

  #takeHeader(block: Uint8Array, at: number, position: number): void {
    this.#headerAt = position;
    if (block[at] === 0 && isZeroBlock(block, at)) {
      if (++this.#zeroBlocks === 2) {
        if (this.#isPending()) throw unexpectedEnd(position);
        this.#state = "done";
        this.ended = true;
      }
      return;
    }
    if (this.#zeroBlocks > 0) throw invalidHeader("something follows a block of zeros");
    const header = parseHeader(block, at);
    switch (header.flag) {
      case FLAG.pax:
      case FLAG.paxGlobal:
      case FLAG.longName:
      case FLAG.longLink:
        this.#beginMetadata(header);
        return;
      case FLAG.label:
        // The archive's label: no member.
        this.#entry = undefined;
        this.#beginContent(header.size);
        return;
      case FLAG.sparse:
        this.#beginGnuMap(header, block, at);
        return;
      default:
        this.#beginMember(header);
    }
  }

  #beginMetadata(header: RawHeader): void {
    if (header.size > MAX_METADATA) throw invalidHeader("a header is too large");
    if (header.size > this.#metadata.length) this.#metadata = new Uint8Array(header.size);
    this.#metadataLength = 0;
    this.#metadataFlag = header.flag;
    this.#state = "metadata";
    this.#remaining = header.size;
    this.#padding = fill(header.size);
    if (header.size === 0) this.#endMetadata();
  }

  #endMetadata(): void {
    const data = this.#metadata.subarray(0, this.#metadataLength);
    switch (this.#metadataFlag) {
      case FLAG.pax:
        this.#own = emptyRecords();
        parsePax(data, this.#own);
        break;
      case FLAG.paxGlobal:
        parsePax(data, this.#global);
        if (this.#global.values.size + this.#global.xattrs.size > MAX_GLOBAL_RECORDS) {
          throw invalidHeader("too many global records");
        }
        break;
      case FLAG.longName:
        this.#gnu.longName = cText(data);
        break;
      default:
        this.#gnu.longLink = cText(data);
    }
    this.#state = this.#padding > 0 ? "data" : "header";
    this.#entry = undefined;
  }

  #beginGnuMap(header: RawHeader, block: Uint8Array, at: number): void {
    if (header.format !== "gnu") throw invalidHeader("a sparse file in a format that has none");
    const list = new ExtentList();
    readGnuMap(block, at + FIELD.gnuSparse, 4, list);
    const realSize = parseNumber(block, at + FIELD.gnuRealSize, 12, "size");
    this.#gnu.sparse = { list, realSize };
    if (block[at + FIELD.gnuIsExtended] === 0) {
      this.#beginMember(header);
    } else {
      this.#sparseHeader = header;
      this.#state = "gnu-map";
    }
  }

  #takeGnuMap(block: Uint8Array, at: number): void {
    readGnuMap(block, at, 21, this.#gnu.sparse!.list);
    if (block[at + 504] !== 0) return;
    const header = this.#sparseHeader!;
    this.#sparseHeader = undefined;
    this.#beginMember(header);
  }

  #beginMember(header: RawHeader): void {
    const records = mergeRecords(this.#global, this.#own ?? NO_RECORDS);
    const member = makeMember(header, records, this.#gnu);
    this.#own = undefined;
    this.#gnu = {};
    if (member.mapInData) {
      this.#member = member;
      this.#mapReader = new SparseMapReader();
      this.#state = "pax-map";
    } else {
      this.#announce(member.entry, member.stored);
    }
  }

  #takePaxMap(block: Uint8Array, at: number): void {
    const { entry, stored } = this.#member!;
    const map = this.#mapReader!;
    const complete = map.push(block, at);
    if (map.bytes > stored) throw invalidHeader("the map of a sparse file is wrong");
    if (!complete) return;
    finishSparse(entry, map.list, entry.size, stored - map.bytes);
    this.#member = undefined;
    this.#mapReader = undefined;
    this.#announce(entry, stored - map.bytes);
  }

  #announce(entry: TarEntry, stored: number): void {
    this.entries++;
    this.#entry = entry.type === "file" ? entry : undefined;
    this.#position = 0;
    this.#extent = 0;
    this.#sink.entry(entry);
    if (entry.type !== "file" || stored === 0) this.#sink.end();
    this.#beginContent(stored);
  }

  #beginContent(stored: number): void {
    this.#remaining = stored;
    this.#padding = fill(stored);
    this.#state = stored > 0 ? "data" : "header";
  }

  /** Content of a member, of a header's records, or of nothing (no `#entry`), and the filling behind it. */
  #content(chunk: Uint8Array, at: number): number {
    let from = at;
    if (this.#remaining > 0) {
      const count = Math.min(this.#remaining, chunk.length - from);
      if (this.#state === "metadata") {
        this.#metadata.set(chunk.subarray(from, from + count), this.#metadataLength);
        this.#metadataLength += count;
      } else if (this.#entry !== undefined) {
        this.#pass(this.#entry, chunk, from, count);
      }
      this.#remaining -= count;
      from += count;
      if (this.#remaining > 0) return from;
      if (this.#state === "metadata") this.#endMetadata();
      else if (this.#entry !== undefined) this.#sink.end();
    }
    const count = Math.min(this.#padding, chunk.length - from);
    this.#padding -= count;
    if (this.#padding === 0) this.#state = "header";
    return from + count;
  }

  #pass(entry: TarEntry, chunk: Uint8Array, start: number, length: number): void {
    if (entry.sparse === undefined) {
      const whole = start === 0 && length === chunk.length;
      this.#sink.data(whole ? chunk : chunk.subarray(start, start + length), this.#position);
      this.#position += length;
      return;
    }
    // `#position` counts within the current run.
    for (let at = start; at < start + length; ) {
      const extent = entry.sparse[this.#extent] as Extent;
      const count = Math.min(extent.length - this.#position, start + length - at);
      this.#sink.data(chunk.subarray(at, at + count), extent.offset + this.#position);
      this.#position += count;
      at += count;
      if (this.#position === extent.length) {
        this.#extent++;
        this.#position = 0;
      }
    }
  }
}

/** Bytes that fill up a block. */
function fill(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

/** GNU's long names end with a NUL. */
function cText(data: Uint8Array): string {
  const end = data.indexOf(0);
  return decodeName(end < 0 ? data : data.subarray(0, end));
}
