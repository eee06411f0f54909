import type { ContainerPathStat } from "@berth/api";
import { runJob, startJob, type View } from "@berth/archive";
import { isKind } from "@berth/base";
import type { ContainerJobs, ContainerView } from "@berth/engine";
import { resolveUser } from "@berth/runtime";
import { finishedStream } from "./finished-stream.ts";

/** Files of an image that say who a user is are small. */
const USER_FILE_LIMIT = 8 << 20;

/** The engine's jobs on containers' files, each in a worker process of its own. */
export function containerJobs(): ContainerJobs {
  return {
    async copyUp(rootfs, copies, signal) {
      await runJob({ job: "copy-up", view: { kind: "rootfs", rootfs, readOnly: true }, copies }, { signal });
    },

    async statPath(view, path) {
      try {
        return await runJob({ job: "stat", view: viewOf(view, true), path });
      } catch (error) {
        if (isKind(error, "not-found")) return undefined;
        throw error;
      }
    },

    async getArchive(view, path, signal) {
      const job = startJob({ job: "archive-get", view: viewOf(view, true), path }, { signal });
      const tar = finishedStream(job.stdout, job.result);
      let stat: ContainerPathStat;
      try {
        stat = await job.facts;
      } catch (error) {
        await tar.cancel().catch(() => {});
        if (isKind(error, "not-found")) return undefined;
        throw error;
      }
      return { stat, tar };
    },

    async putArchive(view, path, tar, options, signal) {
      const { noOverwriteDirNonDir, copyUIDGID, user, readOnlyRoot } = options;
      const target = viewOf(view, false);
      const owner = copyUIDGID && user !== "" ? await ownerOf(target, user, signal) : undefined;
      try {
        await runJob(
          {
            job: "archive-put",
            view: target,
            path,
            noOverwriteDirNonDir,
            readOnlyRoot,
            ...(owner !== undefined && { owner }),
          },
          { stdin: tar, signal },
        );
        return true;
      } catch (error) {
        if (isKind(error, "not-found")) return false;
        throw error;
      }
    },

    async export(rootfs, signal) {
      const job = startJob({ job: "pack", view: { kind: "rootfs", rootfs, readOnly: true } }, { signal });
      return finishedStream(job.stdout, job.result);
    },
  };
}

function viewOf(view: ContainerView, readOnly: boolean): View {
  if (view.kind === "running") return { kind: "process", pid: view.pid };
  return {
    kind: "rootfs",
    rootfs: view.rootfs,
    readOnly,
    binds: view.mounts.map(({ destination, source, readOnly: readonly, subpath, mount }) => ({
      source,
      target: destination,
      readonly,
      ...(subpath !== undefined && { subpath }),
      ...(mount !== undefined && { mount }),
    })),
  };
}

/** Ids of a container's user, by the passwd and group files that the view has. */
async function ownerOf(view: View, user: string, signal: AbortSignal): Promise<{ uid: number; gid: number }> {
  const { contents } = await runJob(
    { job: "read-file", view, paths: ["/etc/passwd", "/etc/group"], limit: USER_FILE_LIMIT },
    { signal },
  );
  const [passwd, group] = contents.map((content) =>
    content === null ? undefined : Buffer.from(content, "base64").toString("utf8"),
  );
  const { uid, gid } = resolveUser(user, [], passwd, group);
  return { uid, gid };
}
