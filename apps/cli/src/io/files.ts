import type { FileHandle } from "node:fs/promises";
import { CommandError } from "../errors.ts";

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or directory",
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  EISDIR: "is a directory",
  ENOTDIR: "not a directory",
  ENOSPC: "no space left on device",
  EROFS: "read-only file system",
  EEXIST: "file exists",
};

/** An error of the file system in Go's words: `open /x: no such file or directory`. */
export function fileError(operation: string, path: string, error: unknown): CommandError {
  const { code, message } = error as { code?: string; message: string };
  return new CommandError(`${operation} ${path}: ${REASONS[code ?? ""] ?? message}`);
}

/** The bytes of a file, for a request's body. @throws CommandError when it cannot be opened. */
export async function openFile(path: string): Promise<AsyncIterable<Uint8Array>> {
  const { open } = await import("node:fs/promises");
  let handle: FileHandle;
  try {
    handle = await open(path, "r");
    if ((await handle.stat()).isDirectory()) {
      await handle.close();
      throw new CommandError(`read ${path}: is a directory`);
    }
  } catch (error) {
    throw error instanceof CommandError ? error : fileError("open", path, error);
  }
  return chunks(handle, path);
}

async function* chunks(handle: FileHandle, path: string): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for (;;) {
      // A new buffer each: the last one may still be on its way.
      const { bytesRead, buffer } = await handle.read(new Uint8Array(1 << 18), 0, 1 << 18, null);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } catch (error) {
    throw fileError("read", path, error);
  } finally {
    await handle.close();
  }
}

/**
 * Writes a file whole or not at all: what was there before stays until the last byte is on the disk.
 * @throws CommandError
 */
export async function writeWhole(
  path: string,
  content: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  mode = 0o600,
): Promise<void> {
  const { open, rename, rm } = await import("node:fs/promises");
  const temporary = `${path}.${crypto.randomUUID().slice(0, 8)}.tmp`;
  const handle = await open(temporary, "wx", mode).catch((error: unknown) => {
    throw fileError("open", path, error);
  });
  try {
    try {
      for await (const chunk of content) {
        for (let at = 0; at < chunk.length; ) {
          at += (await handle.write(chunk, at, chunk.length - at)).bytesWritten;
        }
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error instanceof Error && "syscall" in error ? fileError("write", path, error) : error;
  }
}
