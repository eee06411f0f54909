export type MountType = "bind" | "volume" | "tmpfs" | "npipe" | "cluster" | "image";
export type MountPropagation = "rprivate" | "private" | "rshared" | "shared" | "rslave" | "slave" | "";

/** HostConfig.Mounts: what `--mount` asks. Every field may be absent. */
export interface Mount {
  Type?: MountType;
  Source?: string;
  Target?: string;
  ReadOnly?: boolean;
  Consistency?: string;
  BindOptions?: BindOptions;
  VolumeOptions?: VolumeOptions;
  /** Since API 1.48. */
  ImageOptions?: { Subpath?: string };
  TmpfsOptions?: TmpfsOptions;
  ClusterOptions?: object;
}

export interface BindOptions {
  Propagation?: MountPropagation;
  NonRecursive?: boolean;
  /** Since API 1.42. */
  CreateMountpoint?: boolean;
  /** Since API 1.44. */
  ReadOnlyNonRecursive?: boolean;
  /** Since API 1.44. */
  ReadOnlyForceRecursive?: boolean;
}

export interface VolumeOptions {
  NoCopy?: boolean;
  Labels?: Record<string, string> | null;
  /** Since API 1.45. */
  Subpath?: string;
  DriverConfig?: { Name?: string; Options?: Record<string, string> | null };
}

export interface TmpfsOptions {
  /** Bytes. */
  SizeBytes?: number;
  /** Go's os.FileMode, permission bits. */
  Mode?: number;
  /** Since API 1.46: `["noexec"]` or `["uid", "1000"]`. */
  Options?: string[][] | null;
}

/** `Mounts` of container list and inspect. */
export interface MountPoint {
  Type?: MountType;
  Name?: string;
  Source: string;
  Destination: string;
  Driver?: string;
  Mode: string;
  RW: boolean;
  Propagation: MountPropagation;
}
