import { BerthError, messageOf } from "@berth/base";
import { closeQuietly, readFull, SyscallError, umask, writeAll } from "@berth/linux";
import { runApply } from "./jobs/apply.ts";
import { runAssemble } from "./jobs/assemble.ts";
import { runClamp } from "./jobs/clamp.ts";
import { runArchiveGet, runArchivePut, runStat } from "./jobs/container-archive.ts";
import { runCopyUp } from "./jobs/copy-up.ts";
import { runDigests } from "./jobs/digests.ts";
import { runGzip } from "./jobs/gzip.ts";
import { runChanges, runDiskUsage, runFolderSizes, runReadFile } from "./jobs/inspect.ts";
import { runDiff, runPack } from "./jobs/pack.ts";
import { runScan } from "./jobs/scan.ts";
import { JOB_FD, JOB_FROM_FD, type Job, REPLY_FD, type Reply, type ReplyError } from "./protocol.ts";

/**
 * The worker's whole life: one job, given as JSON in the first argument (or on descriptor 4 when that is `-`), its data on
 * stdin and stdout, its replies on descriptor 3 (see protocol.ts). The exit status is 0 when there is a result.
 * @returns the exit status
 */
export async function runWorker(argv: readonly string[]): Promise<number> {
  try {
    const job = JSON.parse(argv[0] === JOB_FROM_FD ? readJob() : (argv[0] ?? "")) as Job;
    umask(0);
    const result = await runJob(job, (facts) => reply({ facts }));
    reply({ result });
    return 0;
  } catch (error) {
    reply({ error: describe(error) });
    return 1;
  }
}

function runJob(job: Job, tell: (facts: unknown) => void): unknown {
  switch (job.job) {
    case "apply":
      return runApply(job);
    case "diff":
      return runDiff(job);
    case "pack":
      return runPack(job);
    case "archive-get":
      return runArchiveGet(job, tell);
    case "archive-put":
      return runArchivePut(job);
    case "stat":
      return runStat(job);
    case "changes":
      return runChanges(job);
    case "copy-up":
      return runCopyUp(job);
    case "read-file":
      return runReadFile(job);
    case "scan":
      return runScan(job);
    case "assemble":
      return runAssemble(job);
    case "digests":
      return runDigests(job);
    case "clamp":
      return runClamp(job);
    case "gzip":
      return runGzip(job);
    case "disk-usage":
      return runDiskUsage(job);
    case "folder-sizes":
      return runFolderSizes(job);
    default:
      throw new Error(`unknown job ${JSON.stringify(job satisfies never)}`);
  }
}

function readJob(): string {
  const parts: Buffer[] = [];
  for (;;) {
    const part = Buffer.alloc(65_536);
    const length = readFull(JOB_FD, part);
    parts.push(part.subarray(0, length));
    if (length < part.length) break;
  }
  closeQuietly(JOB_FD);
  return Buffer.concat(parts).toString();
}

function reply(message: Reply): void {
  writeAll(REPLY_FD, Buffer.from(`${JSON.stringify(message)}\n`));
}

function describe(error: unknown): ReplyError {
  if (!(error instanceof BerthError)) {
    const stack = error instanceof Error ? error.stack : undefined;
    if (stack !== undefined) process.stderr.write(`${stack}\n`);
    return { kind: "system", message: messageOf(error) };
  }
  return {
    kind: error.kind,
    message: error.message,
    ...(error.hint !== undefined && { hint: error.hint }),
    ...(error.exitCode !== undefined && { exitCode: error.exitCode }),
    ...(error instanceof SyscallError && { code: error.code }),
  };
}
