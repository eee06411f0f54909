import type { Response } from "@berth/client";
import type { Context } from "./context.ts";
import { CommandError } from "./errors.ts";

/**
 * Before a daemon is asked for an archive: that there is a place for it.
 * @throws CommandError, beginning with `what`.
 */
export async function checkOutputFile(context: Context, path: string, what: string): Promise<void> {
  if (path === "") {
    if (await context.isTerminal(1)) {
      throw new CommandError("cowardly refusing to save to a terminal. Use the -o flag or redirect");
    }
    return;
  }
  const { statSync } = await import("node:fs");
  const { dirname } = await import("node:path");
  const folder = dirname(path);
  if (folder !== "." && folder !== "" && statSync(folder, { throwIfNoEntry: false }) === undefined) {
    throw new CommandError(`${what}invalid output path: stat ${folder}: no such file or directory`);
  }
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined || found.isFile()) return;
  const kind = found.isDirectory()
    ? `"${path}" must be a regular file or not exist`
    : found.isCharacterDevice() || found.isBlockDevice()
      ? "got a device"
      : "got an irregular file";
  if (path === "/dev/null") return;
  throw new CommandError(`${what}invalid output path: ${kind}`);
}

/** Writes an answer's body to stdout or, by way of a temporary file beside it, to a file. */
export async function writeStream(context: Context, response: Response, path: string): Promise<void> {
  if (path === "") {
    for await (const chunk of response) await context.stdout.write(chunk);
    return;
  }
  const { open, rename, unlink } = await import("node:fs/promises");
  if (path === "/dev/null") {
    for await (const _chunk of response);
    return;
  }
  const temporary = `${path}.tmp-${process.pid}`;
  const file = await open(temporary, "wx", 0o600);
  try {
    for await (const chunk of response) {
      for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at)).bytesWritten;
    }
    await file.sync();
    await file.close();
    await rename(temporary, path);
  } catch (error) {
    await file.close().catch(() => {});
    await unlink(temporary).catch(() => {});
    throw error;
  }
}
