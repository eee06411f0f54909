import { runWorker } from "@berth/archive";
import { PR, prctl } from "@berth/linux";

/** `berth worker <job>`: runs one job of @berth/archive for the daemon, and ends with it. */
export async function workerMain(argv: readonly string[]): Promise<void> {
  // The daemon's end is the job's end: nobody would take the result.
  prctl(PR.SET_PDEATHSIG, 9);
  process.exit(await runWorker(argv));
}
