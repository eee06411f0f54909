/** How a container's root filesystem is put together; mounted only inside a shim's or a worker's mount namespace. */
export type RootfsMount =
  /** `lower`: topmost layer first, at least one folder; `upper` and `work` absent: read-only view. */
  | { kind: "overlay"; lower: readonly string[]; upper?: string; work?: string }
  /** A plain folder (copying driver). */
  | { kind: "directory"; path: string };
