import { createHash } from "node:crypto";
import { END_OF_ARCHIVE, encodeHeader, padding, startJob, TarReader } from "@berth/archive";
import { formatPlatform } from "@berth/spec";
import { hasStatements, type Subject, statementsOf } from "../attest/statements.ts";
import { viewOf } from "../exec/copy.ts";
import type { BuildScope } from "../solve/scope.ts";
import type { BuiltPlatform } from "./built.ts";
import { prefixed } from "./prefix-tar.ts";

/**
 * The files of the result as a tar; of several platforms each in a folder of its name (`linux_amd64`). What is said about them
 * comes as files too, whose names begin with the attribute `attestation-prefix`.
 */
export async function* filesArchive(
  { scope, built }: { scope: BuildScope; built: readonly BuiltPlatform[] },
  attributes: Readonly<Record<string, string>>,
  splitByPlatform: boolean,
): AsyncGenerator<Uint8Array> {
  const says = hasStatements(scope, false);
  const mtime = { seconds: scope.epoch ?? 0, nanoseconds: 0 };
  const owner = { uid: 0, gid: 0, mtime };
  for (const each of built) {
    const view = viewOf(scope.context.parts.snapshots, each.solved.chain);
    const plain = !splitByPlatform && !says;
    const job = startJob({ job: "pack", view, sparse: plain }, { signal: scope.signal });
    if (plain) {
      yield* job.stdout;
      await job.result;
      return;
    }
    const folder = splitByPlatform ? `${formatPlatform(each.platform).replaceAll("/", "_")}/` : "";
    if (folder !== "") yield encodeHeader({ type: "directory", name: folder, mode: 0o755, ...owner });
    const subjects: Subject[] = [];
    yield* prefixed(says ? withDigests(job.stdout, subjects) : job.stdout, folder);
    await job.result;
    if (!says) continue;
    for (const { file, body } of await statementsOf(scope, each, subjects, createdOf(scope), false)) {
      const bytes = Buffer.from(JSON.stringify(body, null, 2));
      const name = `${folder}${attributes["attestation-prefix"] ?? ""}${file}`;
      yield encodeHeader({ type: "file", name, size: bytes.byteLength, mode: 0o644, ...owner });
      yield bytes;
      yield new Uint8Array(padding(bytes.byteLength));
    }
  }
  yield END_OF_ARCHIVE;
}

const createdOf = ({ epoch }: BuildScope) =>
  (epoch === undefined ? new Date() : new Date(epoch * 1000)).toISOString();

/** Passes a tar on, and collects the digests of the files in it. */
async function* withDigests(tar: AsyncIterable<Uint8Array>, subjects: Subject[]): AsyncGenerator<Uint8Array> {
  let name: string | undefined;
  let hash = createHash("sha256");
  const reader = new TarReader({
    entry(entry) {
      name = entry.type === "file" ? entry.name.replace(/^(\.?\/)+/, "") : undefined;
      hash = createHash("sha256");
    },
    data: (bytes) => void hash.update(bytes),
    end() {
      if (name !== undefined) subjects.push({ name, digest: { sha256: hash.digest("hex") } });
      name = undefined;
    },
  });
  for await (const piece of tar) {
    reader.push(piece);
    yield piece;
  }
  reader.finish();
}
