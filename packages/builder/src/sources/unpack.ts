import { mkdirSync } from "node:fs";
import { runJob } from "@berth/archive";

/** Unpacks an archive, compressed in any way, into a new folder; a worker does it, and nothing gets out of the folder. */
export async function unpackInto(
  folder: string,
  stream: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  await runJob({ job: "apply", folder, whiteouts: "keep", climbing: "refuse" }, { stdin: stream, signal });
}
