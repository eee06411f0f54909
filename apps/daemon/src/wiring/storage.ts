import { readFileSync } from "node:fs";
import { join } from "node:path";
import { systemError, writeFileAtomic } from "@berth/base";
import { openCopySnapshots, openOverlaySnapshots, type Snapshots, workerLayerJobs } from "@berth/snapshot";

const DRIVERS = { overlay2: openOverlaySnapshots, vfs: openCopySnapshots } as const;
const DEFAULT_DRIVER = "overlay2";

/**
 * Opens the layers with the driver of `--storage-driver`; empty: the one that the data root was made with, overlay2 for a
 * new one. @throws system when the driver is unknown or another one than the data root's.
 */
export async function openSnapshots(dataRoot: string, wanted: string): Promise<Snapshots> {
  const file = join(dataRoot, "storage-driver");
  const recorded = read(file);
  const driver = wanted || recorded || DEFAULT_DRIVER;
  if (!Object.hasOwn(DRIVERS, driver)) {
    throw systemError(`error initializing graphdriver: driver not supported: ${driver}`, {
      hint: `The storage drivers are ${Object.keys(DRIVERS).join(" and ")}.`,
    });
  }
  if (recorded !== "" && recorded !== driver) {
    throw systemError(
      `error initializing graphdriver: ${dataRoot} contains layers of the storage driver ${recorded}, not ${driver}`,
      { hint: "Use another --data-root for another storage driver." },
    );
  }
  const snapshots = await DRIVERS[driver as keyof typeof DRIVERS]({ dataRoot, jobs: workerLayerJobs() });
  if (recorded === "") writeFileAtomic(file, `${driver}\n`);
  return snapshots;
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return "";
  }
}
