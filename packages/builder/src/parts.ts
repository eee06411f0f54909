import type { HostConfig, Ulimit } from "@berth/api";
import type { PruneOptions } from "@berth/api/build";
import type { Content } from "@berth/content";
import type { ImageStore } from "@berth/image";
import type { Networks } from "@berth/network";
import type { RegistryClient } from "@berth/registry";
import type { OciRuntime, OciSpec, Runtime, SpecInput } from "@berth/runtime";
import type { Snapshots } from "@berth/snapshot";

/** What a builder is made of; `apps/daemon` brings the implementations. */
export interface BuilderParts {
  dataRoot: string;
  execRoot: string;
  content: Content;
  snapshots: Snapshots;
  images: Pick<
    ImageStore,
    | "resolve"
    | "get"
    | "names"
    | "publish"
    | "addDigest"
    | "layerBlobs"
    | "configBytes"
    | "hold"
    | "load"
    | "pull"
    | "push"
  >;
  runtime: Runtime;
  networks: Pick<Networks, "allocate" | "publish" | "release" | "hostGateway">;
  /** Of a container that runs: its network namespace, and its files. @throws not-found, conflict */
  networkOfContainer(reference: string): { namespace: string; hosts: string; resolvConf: string };
  /** Empty: the default. */
  ociRuntime(name: string): OciRuntime;
  buildSpec(input: Omit<SpecInput, "host">): OciSpec;
  /** A container's HostConfig that says nothing. */
  defaultHostConfig(): HostConfig;
  /** Every capability that this process may give, for `--security=insecure`. */
  settings: BuilderSettings;
  /** Somebody had cache removed: so many bytes. */
  onPrune?(reclaimed: number): void;
  registry: RegistryClient;
}

export interface BuilderSettings {
  ulimits: readonly Ulimit[];
  shmSize: number;
  cgroupParent: string;
  dns: { servers: string[]; search: string[]; options: string[] };
  /** What is removed after each build, one after the other. */
  collection: readonly PruneOptions[];
}
