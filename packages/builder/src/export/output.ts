import { mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import type { ExportOutput } from "@berth/api/build";
import { runJob } from "@berth/archive";
import { invalidParameter } from "@berth/base";
import { writePieces } from "../sources/write-pieces.ts";

/** Sends an archive to where the client wants it; a folder gets what is in it. Half an archive is never left under its name. */
export async function writeOutput(
  output: ExportOutput | undefined,
  archive: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  if (output === undefined)
    throw invalidParameter("output destination is required", { hint: "Give one with dest=." });
  if (output.kind === "stream") {
    await output.write(asStream(archive), signal);
  } else if (output.kind === "file") {
    const part = `${output.path}.part`;
    try {
      await writePieces(part, archive, 0o644, signal);
      renameSync(part, output.path);
    } catch (error) {
      rmSync(part, { force: true });
      throw error;
    }
  } else {
    mkdirSync(dirname(output.path), { recursive: true });
    mkdirSync(output.path, { recursive: true });
    await runJob(
      { job: "apply", folder: output.path, whiteouts: "keep", climbing: "refuse" },
      { stdin: archive, signal },
    );
  }
}

export function asStream(pieces: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = pieces[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await iterator.next();
          if (done) controller.close();
          // A piece may be valid until the next one only.
          else controller.enqueue(value.slice());
        } catch (error) {
          controller.error(error);
        }
      },
      async cancel() {
        await iterator.return?.(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}
