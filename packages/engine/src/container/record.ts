import type {
  ContainerConfig,
  EndpointSettings,
  Health,
  HostConfig,
  Mount,
  MountPropagation,
  PortMap,
} from "@berth/api";
import type { Digest } from "@berth/base";
import type { EndpointResult } from "@berth/network";

/** One mount of a container, resolved when it was created. */
export interface MountRecord {
  type: "bind" | "volume" | "tmpfs" | "image";
  /** Absolute path inside, normalised. */
  destination: string;
  /** Path on the host; empty for tmpfs, image, and volumes that are mounted by options. */
  source: string;
  /** Volume's name, or image reference. */
  name?: string;
  driver?: string;
  readWrite: boolean;
  /** The mode as inspect shows it: `z`, `ro,Z`, …; empty for `--mount`. */
  mode: string;
  propagation: MountPropagation;
  /** Fill the empty volume with the image's content of that path. */
  copy: boolean;
  /** This container made the volume, without a name: `rm -v` removes it. */
  anonymous?: boolean;
  /** Comes from `--mount`: the source must exist. */
  fromMountApi: boolean;
  /** What was asked with `--mount`. */
  spec?: Mount;
}

/** What does not change while a container runs. Stored as JSON. */
export interface ContainerRecord {
  id: string;
  /** Without leading slash. */
  name: string;
  /** RFC 3339 with nanoseconds. */
  created: string;
  /** Digest of the image's config; empty without image. */
  imageId: Digest | "";
  /** Chain ids of the image's layers, base first: a start needs no image any more. */
  chain: readonly Digest[];
  path: string;
  args: string[];
  config: ContainerConfig;
  hostConfig: HostConfig;
  /** Networks asked, by the name that was given. */
  endpoints: Record<string, EndpointSettings>;
  mounts: MountRecord[];
  /** Set while a create has more to do after its first commit; found at a daemon start, the container is removed. */
  incomplete?: boolean;
}

/** What a start made of the network; kept until the container ends. */
export interface NetworkState {
  sandboxId: string;
  endpoints: EndpointResult[];
  ports: PortMap;
}

/** What changes while a container lives. Stored as JSON, apart from the record: it is written more often. */
export interface ContainerState {
  running: boolean;
  paused: boolean;
  /** Ended, and will be started again by its restart policy. `running` is true too, as with Docker. */
  restarting: boolean;
  removing: boolean;
  /** A removal failed half-way. */
  dead: boolean;
  pid: number;
  exitCode: number;
  error: string;
  oomKilled: boolean;
  startedAt: string;
  finishedAt: string;
  restartCount: number;
  /** Stopped by a person: `unless-stopped` does not start it with the daemon. */
  manuallyStopped: boolean;
  /** Volumes are removed with the container: the removal that is going on asked for it. */
  removeVolumes?: boolean;
  network?: NetworkState;
  health?: Health;
}
