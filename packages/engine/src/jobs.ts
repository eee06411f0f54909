import type { ContainerPathStat } from "@berth/api";
import type { RootfsMount } from "@berth/spec";
import type { VolumeMount } from "@berth/volume";

/** A container's files as seen from inside: of its running process, or put together from its layers and mounts. */
export type ContainerView =
  | { kind: "running"; pid: number }
  | { kind: "stopped"; rootfs: RootfsMount; mounts: ViewMount[] };

export interface ViewMount {
  destination: string;
  source: string;
  readOnly: boolean;
  /** Only this path beneath it. */
  subpath?: string;
  /** A volume with options: mounted there instead of binding `source`. */
  mount?: VolumeMount;
}

/** What touches files that a container or an image made. Carried out by `berth worker`, never by the daemon itself. */
export interface ContainerJobs {
  /** Copies folders of an image, with owners and modes, into empty volumes; what is not there is left out. */
  copyUp(
    rootfs: RootfsMount,
    copies: { from: string; to: string; mount?: VolumeMount; subpath?: string }[],
    signal: AbortSignal,
  ): Promise<void>;
  /** Undefined when there is no such path. */
  statPath(view: ContainerView, path: string): Promise<ContainerPathStat | undefined>;
  /** Undefined when there is no such path. */
  getArchive(
    view: ContainerView,
    path: string,
    signal: AbortSignal,
  ): Promise<{ stat: ContainerPathStat; tar: ReadableStream<Uint8Array> } | undefined>;
  /** False when there is no such path. @throws invalid-parameter `extraction point is not a directory`; forbidden when it is read-only. */
  putArchive(
    view: ContainerView,
    path: string,
    tar: ReadableStream<Uint8Array>,
    /**
     * `user`: the container's, who owns what is made when `copyUIDGID` is set; empty: owners as in the archive.
     * `readOnlyRoot`: nothing is written but to its mounts.
     */
    options: { noOverwriteDirNonDir: boolean; copyUIDGID: boolean; user: string; readOnlyRoot: boolean },
    signal: AbortSignal,
  ): Promise<boolean>;
  /** The root filesystem without mounts as one tar. */
  export(rootfs: RootfsMount, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
}
