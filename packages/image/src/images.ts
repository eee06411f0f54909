import type { Digest } from "@berth/base";

/** The image configuration (OCI image-spec config.md with Docker's additions), as stored. */
export interface ImageConfigFile {
  architecture: string;
  os: string;
  variant?: string;
  created?: string;
  author?: string;
  /** Docker: the container and its config that this image was committed from; docker-py 5 reads them. */
  container?: string;
  container_config?: unknown;
  docker_version?: string;
  config?: ImageRuntimeConfig;
  rootfs: { type: "layers"; diff_ids: Digest[] };
  history?: {
    created?: string;
    created_by?: string;
    author?: string;
    comment?: string;
    empty_layer?: boolean;
  }[];
}

export interface ImageRuntimeConfig {
  Hostname?: string;
  User?: string;
  ExposedPorts?: Record<string, object> | null;
  Env?: string[] | null;
  Entrypoint?: string[] | null;
  Cmd?: string[] | null;
  Volumes?: Record<string, object> | null;
  WorkingDir?: string;
  Labels?: Record<string, string> | null;
  StopSignal?: string;
  Shell?: string[] | null;
  OnBuild?: string[] | null;
  Healthcheck?: {
    Test?: string[];
    Interval?: number;
    Timeout?: number;
    StartPeriod?: number;
    StartInterval?: number;
    Retries?: number;
  } | null;
  ArgsEscaped?: boolean;
}

/** What the engine needs of an image to make a container. */
export interface ResolvedImage {
  /** The config's digest: Docker's image id. */
  id: Digest;
  config: ImageConfigFile;
  /** Chain ids of the unpacked layers, base first. */
  chain: readonly Digest[];
}

/** The engine's and the API's view of images; `packages/image` implements it. Details: list, inspect, history, load, save, import, commit, tag, remove, prune. */
export interface ImageResolver {
  /** By name, name:tag, name@digest, id or unambiguous id prefix. @throws not-found `No such image: x`. */
  resolve(reference: string): ResolvedImage;
}
