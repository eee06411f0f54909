import { END_OF_ARCHIVE, encodeHeader, startJob } from "@berth/archive";
import { formatPlatform } from "@berth/spec";
import { viewOf } from "../exec/copy.ts";
import type { BuildScope } from "../solve/scope.ts";
import type { BuiltPlatform } from "./built.ts";
import { prefixed } from "./prefix-tar.ts";

/** The files of the result as a tar; of several platforms each in a folder of its name (`linux_amd64`). */
export async function* filesArchive(
  scope: BuildScope,
  built: readonly BuiltPlatform[],
  splitByPlatform: boolean,
): AsyncGenerator<Uint8Array> {
  for (const each of built) {
    const view = viewOf(scope.context.parts.snapshots, each.solved.chain);
    const job = startJob({ job: "pack", view, sparse: !splitByPlatform }, { signal: scope.signal });
    if (!splitByPlatform) {
      yield* job.stdout;
      await job.result;
      return;
    }
    const name = formatPlatform(each.platform).replaceAll("/", "_");
    const mtime = { seconds: scope.epoch ?? 0, nanoseconds: 0 };
    yield encodeHeader({ type: "directory", name, mode: 0o755, uid: 0, gid: 0, mtime });
    yield* prefixed(job.stdout, `${name}/`);
    await job.result;
  }
  yield END_OF_ARCHIVE;
}
