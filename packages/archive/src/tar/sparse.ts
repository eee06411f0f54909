import type { Extent } from "./entry.ts";
import { invalidHeader } from "./failure.ts";
import { BLOCK, MAX_EXTENTS, MAX_SPARSE_MAP } from "./limits.ts";
import { parseNumber } from "./numbers.ts";

/** A map as the formats give it, before it is checked. */
export class ExtentList {
  readonly extents: Extent[] = [];

  /** @throws system for too many runs. */
  add(offset: number, length: number): void {
    if (this.extents.length >= MAX_EXTENTS)
      throw invalidHeader(`a sparse file of more than ${MAX_EXTENTS} parts`);
    this.extents.push({ offset, length });
  }

  /**
   * The checked map: ordered, disjoint, within `realSize`, and as long together as what the archive stores. Runs without
   * bytes (which writers use to mark the end) are left out.
   * @throws system
   */
  check(realSize: number, stored: number): Extent[] {
    let end = 0;
    let sum = 0;
    for (const { offset, length } of this.extents) {
      if (offset < end || length < 0 || length > realSize - offset)
        throw invalidHeader("the map of a sparse file is wrong");
      end = offset + length;
      sum += length;
    }
    if (sum !== stored) throw invalidHeader("the map of a sparse file does not have the size of its data");
    return this.extents.filter((extent) => extent.length > 0);
  }
}

/** Adds up to `count` entries of a GNU header or its extension block; stops at the first empty one. */
export function readGnuMap(block: Uint8Array, at: number, count: number, list: ExtentList): void {
  for (let i = 0; i < count; i++) {
    const entry = at + i * 24;
    if (block[entry] === 0) return;
    list.add(parseNumber(block, entry, 12, "offset"), parseNumber(block, entry + 12, 12, "length"));
  }
}

/** Formats 0.0 (pairs of records) and 0.1 (`GNU.sparse.map`: numbers with commas). */
export function listFromNumbers(numbers: readonly number[]): ExtentList {
  if (numbers.length % 2 !== 0) throw invalidHeader("the map of a sparse file is wrong");
  const list = new ExtentList();
  for (let i = 0; i < numbers.length; i += 2) list.add(numbers[i] as number, numbers[i + 1] as number);
  return list;
}

export function parseCommaMap(text: string): number[] {
  if (text === "") return [];
  return text.split(",", MAX_EXTENTS * 2 + 2).map((part) => {
    if (!/^\d{1,16}$/.test(part)) throw invalidHeader("the map of a sparse file is wrong");
    return Number(part);
  });
}

/**
 * The map in front of the data in format 1.0: decimal numbers, each with a newline: how many runs, then offset and length of
 * each; filled up to a whole block. Fed block by block.
 */
export class SparseMapReader {
  readonly list = new ExtentList();
  /** Bytes of the map so far. */
  bytes = 0;
  #expected = -1;
  #number = 0;
  #digits = 0;
  #offset = -1;

  /** True when the map is complete. @throws system */
  push(block: Uint8Array, at: number): boolean {
    this.bytes += BLOCK;
    if (this.bytes > MAX_SPARSE_MAP) throw invalidHeader("the map of a sparse file is too large");
    for (let i = at; i < at + BLOCK; i++) {
      const byte = block[i] as number;
      if (byte === 0x0a) {
        if (this.#digits === 0) throw invalidHeader("the map of a sparse file is wrong");
        if (this.#take(this.#number)) return true;
        this.#number = 0;
        this.#digits = 0;
      } else {
        const digit = byte - 0x30;
        if (digit < 0 || digit > 9 || ++this.#digits > 16)
          throw invalidHeader("the map of a sparse file is wrong");
        this.#number = this.#number * 10 + digit;
      }
    }
    return false;
  }

  #take(number: number): boolean {
    if (!Number.isSafeInteger(number)) throw invalidHeader("the map of a sparse file is wrong");
    if (this.#expected < 0) {
      if (number > MAX_EXTENTS) throw invalidHeader(`a sparse file of more than ${MAX_EXTENTS} parts`);
      this.#expected = number;
    } else if (this.#offset < 0) {
      this.#offset = number;
    } else {
      this.list.add(this.#offset, number);
      this.#offset = -1;
    }
    return this.list.extents.length === this.#expected;
  }
}
