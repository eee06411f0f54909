export interface Volume {
  /** RFC 3339, whole seconds. */
  CreatedAt: string;
  Driver: string;
  Labels: Record<string, string> | null;
  Mountpoint: string;
  Name: string;
  Options: Record<string, string> | null;
  Scope: string;
  Status?: Record<string, unknown>;
  /** Only in disk usage. -1: not known. */
  UsageData?: { RefCount: number; Size: number };
}

export interface VolumeListResponse {
  Volumes: Volume[];
  Warnings: string[] | null;
}

export interface VolumeCreateRequest {
  /** Empty: a random one. */
  Name: string;
  Driver: string;
  DriverOpts: Record<string, string> | null;
  Labels: Record<string, string> | null;
  /** Present: a volume of a swarm is asked. Since API 1.42. */
  ClusterVolumeSpec?: object;
}

export interface VolumesPruneReport {
  VolumesDeleted: string[];
  SpaceReclaimed: number;
}
