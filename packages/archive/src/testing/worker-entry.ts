import { runWorker } from "../worker/run.ts";

/** The worker's program without the rest of the executable. */
process.exit(await runWorker(process.argv.slice(2)));
