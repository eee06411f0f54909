import { runJob, startJob } from "@berth/archive";
import type { Digest } from "@berth/base";
import { close, O, open } from "@berth/linux";
import { followed, watchPosition } from "./growing.ts";
import type { ImageJobs } from "./jobs.ts";
import { endingWith } from "./streams.ts";

/** What every start puts into a root filesystem as places for mounts: no part of an image that is made of it, as with Docker. */
const MOUNT_PLACES = [
  "/.dockerenv",
  "/dev",
  "/etc/hostname",
  "/etc/hosts",
  "/etc/resolv.conf",
  "/proc",
  "/sys",
];

/** The jobs as `berth worker` carries them out. `command`: how to start one; default: this executable. */
export function workerImageJobs(command?: readonly string[]): ImageJobs {
  const how = command === undefined ? {} : { command };
  return {
    async applyLayer(request, signal) {
      const { blob, directory, whiteouts, lower, known, growing, onPosition } = request;
      // The worker reads the file itself: nothing of a layer goes through the daemon.
      const stdin = open(blob, O.RDONLY);
      using _watch = watchPosition(stdin, onPosition);
      const job = { job: "apply" as const, folder: directory, whiteouts, lower, ...(known && { known }) };
      try {
        const result =
          growing === undefined
            ? await runJob(job, { ...how, stdin, signal })
            : await followed(growing, signal, (follow, stop) =>
                runJob(
                  {
                    ...job,
                    lower: [],
                    inputDigest: true,
                    follow: {
                      size: growing.size,
                      layers: growing.layers,
                      ...(growing.root !== undefined && { root: growing.root }),
                    },
                  },
                  { ...how, stdin, follow, signal: stop },
                ),
              );
        return {
          diffId: result.diffId,
          tarSize: result.size,
          ...(result.digest && { digest: result.digest }),
          contentSize: result.contentSize,
          warnings: result.warnings,
        };
      } finally {
        close(stdin);
      }
    },
    packLayer({ folder, below, base, kind, mountPlaces }, signal) {
      const job = startJob(
        {
          job: "diff",
          upper: folder,
          ...(below !== undefined && { below }),
          base,
          kind: kind === "copy" ? "whole" : "overlay",
          ...(mountPlaces !== true && { exclude: MOUNT_PLACES }),
        },
        { ...how, signal },
      );
      return endingWith(job.stdout, job.result);
    },
    gzipBlob({ digest, file, onPosition }, signal) {
      const stdin = open(file.path, O.RDONLY);
      const watch = watchPosition(stdin, onPosition);
      const job = startJob(
        { job: "gzip", encoding: file.encoding, known: digest },
        { ...how, stdin, signal },
      );
      let made: Digest | undefined;
      const result = job.result
        .then((told) => {
          made = told.digest;
        })
        .finally(() => {
          watch[Symbol.dispose]();
          close(stdin);
        });
      return {
        body: endingWith(job.stdout, result),
        digest: () => {
          if (made === undefined) throw new Error("the layer is not compressed yet");
          return made;
        },
      };
    },
  };
}
