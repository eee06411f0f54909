import { closeSync, openSync, read } from "node:fs";
import { promisify } from "node:util";
import type { GrowingFile } from "../object-store.ts";

const readFile = promisify(read);

/**
 * A file that others write. A bare descriptor: a handle that a client's broken line leaves to the garbage collector would end
 * the whole process.
 */
export function openGrowing(path: string): GrowingFile {
  const descriptor = openSync(path, "r");
  return {
    read: (offset, length) => readPart(descriptor, offset, length),
    close: () => closeSync(descriptor),
  };
}

export async function readPart(descriptor: number, offset: number, length: number): Promise<Uint8Array> {
  const { buffer, bytesRead } = await readFile(descriptor, Buffer.allocUnsafe(length), 0, length, offset);
  return buffer.subarray(0, bytesRead);
}
