import type { BuildBackend } from "./build/backend.ts";
import type { ContainerBackend } from "./container/backend.ts";
import type { ExecBackend } from "./exec/backend.ts";
import type { ImageBackend } from "./image/backend.ts";
import type { NetworkBackend } from "./network/backend.ts";
import type { RegistryBackend } from "./registry/backend.ts";
import type { SystemBackend } from "./system/backend.ts";
import type { VolumeBackend } from "./volume/backend.ts";

/** All that the API needs of the engine; joined in `apps/daemon`. */
export interface Backends {
  containers: ContainerBackend;
  execs: ExecBackend;
  images: ImageBackend;
  networks: NetworkBackend;
  registry: RegistryBackend;
  volumes: VolumeBackend;
  system: SystemBackend;
  /** Absent: this daemon does not build. */
  builds?: BuildBackend;
}
