/** A tar of a few small files (ustar, with PAX records for long names): what PUT /containers/{id}/archive takes. */
import type { CopiedFile } from "./files.ts";

const BLOCK = 512;
const encoder = new TextEncoder();

export type TarEntry = Omit<CopiedFile, "content"> & { content: Uint8Array; directory?: boolean };

/** Folders on the way are the daemon's to make; existing ones stay as they are. */
export function tarOf(entries: readonly TarEntry[], modified = Math.floor(Date.now() / 1000)): Uint8Array {
  const blocks: Uint8Array[] = [];
  for (const entry of entries) {
    const name = entry.path.replace(/^\/+/, "") + (entry.directory ? "/" : "");
    if (encoder.encode(name).length > 100) {
      const record = paxRecord("path", name);
      blocks.push(
        header("pax", record.length, { uid: 0, gid: 0, mode: 0o644 }, "x", modified),
        padded(record),
      );
    }
    blocks.push(
      header(name, entry.content.length, entry, entry.directory ? "5" : "0", modified),
      padded(entry.content),
    );
  }
  blocks.push(new Uint8Array(2 * BLOCK));
  return concatenated(blocks);
}

function header(
  name: string,
  size: number,
  owner: { uid: number; gid: number; mode: number },
  type: string,
  modified: number,
): Uint8Array {
  const block = new Uint8Array(BLOCK);
  const text = (at: number, value: string, length: number) =>
    block.set(encoder.encode(value).subarray(0, length), at);
  const octal = (at: number, value: number, length: number) =>
    text(at, `${value.toString(8).padStart(length - 1, "0")}\0`, length);
  text(0, name, 100);
  octal(100, owner.mode, 8);
  octal(108, owner.uid, 8);
  octal(116, owner.gid, 8);
  octal(124, size, 12);
  octal(136, modified, 12);
  text(148, "        ", 8);
  text(156, type, 1);
  text(257, "ustar\x0000", 8);
  let sum = 0;
  for (const byte of block) sum += byte;
  text(148, `${sum.toString(8).padStart(6, "0")}\0 `, 8);
  return block;
}

function paxRecord(key: string, value: string): Uint8Array {
  const rest = encoder.encode(` ${key}=${value}\n`).length;
  let length = rest;
  while (String(length).length + rest !== length) length = String(length).length + rest;
  return encoder.encode(`${length} ${key}=${value}\n`);
}

function padded(bytes: Uint8Array): Uint8Array {
  const whole = new Uint8Array(Math.ceil(bytes.length / BLOCK) * BLOCK);
  whole.set(bytes);
  return whole;
}

function concatenated(blocks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(blocks.reduce((sum, block) => sum + block.length, 0));
  let at = 0;
  for (const block of blocks) {
    whole.set(block, at);
    at += block.length;
  }
  return whole;
}
