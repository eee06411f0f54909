/**
 * The canonical model of a Compose project: what is left when files are merged, interpolated, extended and normalized.
 * Attribute names are the Compose Specification's. Only canonical forms: every short syntax is expanded, relative paths
 * are absolute, durations are nanoseconds, sizes are bytes. An attribute that nobody set is absent.
 *
 * Source: https://github.com/compose-spec/compose-spec/blob/main/spec.md
 */

/** Nanoseconds. */
export type Duration = number;
/** Bytes. */
export type Bytes = number;
/** `x-…` attributes, as written. */
export type Extensions = Readonly<Record<`x-${string}`, unknown>>;
export type Mapping = Record<string, string>;

export interface Project extends Extensions {
  /** Lower case letters, digits, dashes and underscores. */
  name: string;
  services: Record<string, Service>;
  networks: Record<string, Network>;
  volumes: Record<string, Volume>;
  secrets: Record<string, FileObject>;
  configs: Record<string, FileObject>;
  models: Record<string, Model>;
}

/** A project and where it comes from. */
export interface LoadedProject {
  project: Project;
  /** Services that no active profile enables. */
  disabled: Record<string, Service>;
  /** Absolute. What relative paths are relative to; the label `com.docker.compose.project.working_dir`. */
  workingDirectory: string;
  /** Absolute, or `-` for stdin; the label `com.docker.compose.project.config_files` (joined by commas). */
  files: readonly string[];
  /** Given by `--env-file`; empty when the default `.env` was used. Label `com.docker.compose.project.environment_file`. */
  environmentFiles: readonly string[];
  /** What variables were interpolated with: the process's environment over that of the files. */
  environment: Readonly<Record<string, string>>;
  /** Active profiles. */
  profiles: readonly string[];
  /** One sentence each, for stderr. */
  warnings: readonly string[];
}

export interface Service extends Extensions {
  profiles?: string[];
  annotations?: Mapping;
  attach?: boolean;
  build?: Build;
  develop?: { watch: WatchTrigger[] } & Extensions;
  blkio_config?: Blkio;
  cap_add?: string[];
  cap_drop?: string[];
  cgroup_parent?: string;
  cgroup?: string;
  cpu_count?: number;
  cpu_percent?: number;
  /** Microseconds. */
  cpu_period?: number;
  /** Microseconds. */
  cpu_quota?: number;
  /** Microseconds. */
  cpu_rt_period?: number;
  /** Microseconds. */
  cpu_rt_runtime?: number;
  cpus?: number;
  cpuset?: string;
  cpu_shares?: number;
  /** null: the image's. []: none. */
  command: string[] | null;
  configs?: FileReference[];
  container_name?: string;
  credential_spec?: CredentialSpec;
  depends_on?: Record<string, Dependency>;
  deploy?: Deploy;
  device_cgroup_rules?: string[];
  devices?: DeviceMapping[];
  dns?: string[];
  dns_opt?: string[];
  dns_search?: string[];
  domainname?: string;
  /** null: the image's. []: none. */
  entrypoint: string[] | null;
  provider?: Provider;
  /** With what `env_file` gave. null: the variable has no value here and is not set. */
  environment?: Record<string, string | null>;
  /** Absent once its variables are in `environment`. */
  env_file?: EnvFile[];
  /** `80`, `80/udp`, `80-90`. */
  expose?: string[];
  external_links?: string[];
  /** Host to addresses. */
  extra_hosts?: Record<string, string[]>;
  group_add?: string[];
  gpus?: DeviceRequest[];
  hostname?: string;
  healthcheck?: Healthcheck;
  image?: string;
  init?: boolean;
  ipc?: string;
  isolation?: string;
  /** With what `label_file` gave. */
  labels?: Mapping;
  label_file?: string[];
  /** `service` or `service:alias`. */
  links?: string[];
  logging?: Logging;
  mem_limit?: Bytes;
  mem_reservation?: Bytes;
  /** -1: no limit. */
  memswap_limit?: Bytes;
  /** 0 to 100. */
  mem_swappiness?: number;
  mac_address?: string;
  /** Name of a model to the variables that carry its address and name. */
  models?: Record<string, ServiceModel | null>;
  /** `bridge`, `host`, `none`, `service:name`, `container:name`. */
  network_mode?: string;
  /** null: joined without options. Absent when `network_mode` is set; otherwise `default` when none was named. */
  networks?: Record<string, ServiceNetwork | null>;
  oom_kill_disable?: boolean;
  oom_score_adj?: number;
  /** `host`, `service:name`, `container:name`. */
  pid?: string;
  pids_limit?: number;
  platform?: string;
  /** One entry a port: ranges of the target are expanded. */
  ports?: Port[];
  post_start?: Hook[];
  pre_stop?: Hook[];
  privileged?: boolean;
  /** `always`, `never`, `missing`, `if_not_present`, `build`, `refresh`, `daily`, `weekly`, `every_…`. */
  pull_policy?: string;
  /** With `refresh`: weeks, days, hours, minutes, seconds: `1w2d`. */
  pull_refresh_after?: string;
  read_only?: boolean;
  /** `no`, `always`, `unless-stopped`, `on-failure[:n]`. */
  restart?: string;
  runtime?: string;
  /** Same as `deploy.replicas`. */
  scale?: number;
  secrets?: FileReference[];
  security_opt?: string[];
  shm_size?: Bytes;
  stdin_open?: boolean;
  stop_grace_period?: Duration;
  stop_signal?: string;
  storage_opt?: Mapping;
  sysctls?: Mapping;
  /** `path[:options]`. */
  tmpfs?: string[];
  tty?: boolean;
  ulimits?: Record<string, Ulimit>;
  use_api_socket?: boolean;
  user?: string;
  userns_mode?: string;
  uts?: string;
  volumes?: Mount[];
  /** `service[:ro|rw]` or `container:name[:ro|rw]`. */
  volumes_from?: string[];
  working_dir?: string;
}

export interface Build extends Extensions {
  /** Absolute folder, or an URL. */
  context?: string;
  dockerfile?: string;
  dockerfile_inline?: string;
  entitlements?: string[];
  args?: Record<string, string | null>;
  provenance?: string;
  sbom?: string;
  /** `id` or `id=path`. */
  ssh?: Mapping;
  labels?: Mapping;
  cache_from?: string[];
  cache_to?: string[];
  no_cache?: boolean;
  no_cache_filter?: string[];
  additional_contexts?: Mapping;
  pull?: boolean;
  extra_hosts?: Record<string, string[]>;
  isolation?: string;
  network?: string;
  target?: string;
  secrets?: FileReference[];
  shm_size?: Bytes;
  tags?: string[];
  ulimits?: Record<string, Ulimit>;
  platforms?: string[];
  privileged?: boolean;
}

export interface WatchTrigger extends Extensions {
  /** Absolute. */
  path: string;
  action: "rebuild" | "sync" | "restart" | "sync+restart" | "sync+exec";
  target?: string;
  exec?: Hook;
  include?: string[];
  ignore?: string[];
  initial_sync?: boolean;
}

/** A command that runs in the container at a point of its life. */
export interface Hook extends Extensions {
  command?: string[] | null;
  user?: string;
  privileged?: boolean;
  working_dir?: string;
  environment?: Record<string, string | null>;
}

export interface Blkio extends Extensions {
  weight?: number;
  weight_device?: { path: string; weight: number }[];
  device_read_bps?: ThrottleDevice[];
  device_read_iops?: ThrottleDevice[];
  device_write_bps?: ThrottleDevice[];
  device_write_iops?: ThrottleDevice[];
}

export interface ThrottleDevice {
  path: string;
  /** Bytes or operations a second. */
  rate: number;
}

export interface CredentialSpec extends Extensions {
  config?: string;
  file?: string;
  registry?: string;
}

export interface Dependency extends Extensions {
  condition: "service_started" | "service_healthy" | "service_completed_successfully";
  /** Restarted when the dependency is restarted or updated by Compose. */
  restart?: boolean;
  /** false: only a warning when the dependency is absent. */
  required: boolean;
}

export interface DeviceMapping extends Extensions {
  source?: string;
  target?: string;
  permissions?: string;
}

export interface DeviceRequest extends Extensions {
  capabilities?: string[];
  driver?: string;
  /** -1: all. */
  count?: number;
  device_ids?: string[];
  options?: Mapping;
}

export interface Deploy extends Extensions {
  mode?: string;
  replicas?: number;
  labels?: Mapping;
  update_config?: UpdateConfig;
  rollback_config?: UpdateConfig;
  resources?: { limits?: Resource; reservations?: Resource } & Extensions;
  restart_policy?: RestartPolicy;
  placement?: Placement;
  endpoint_mode?: string;
}

export interface UpdateConfig extends Extensions {
  parallelism?: number;
  delay?: Duration;
  failure_action?: string;
  monitor?: Duration;
  max_failure_ratio?: number;
  order?: string;
}

export interface Resource extends Extensions {
  cpus?: number;
  memory?: Bytes;
  pids?: number;
  devices?: DeviceRequest[];
  generic_resources?: { discrete_resource_spec?: { kind: string; value: number } }[];
}

export interface RestartPolicy extends Extensions {
  /** `none`, `on-failure`, `any`. */
  condition?: string;
  delay?: Duration;
  max_attempts?: number;
  window?: Duration;
}

export interface Placement extends Extensions {
  constraints?: string[];
  preferences?: { spread?: string }[];
  max_replicas_per_node?: number;
}

export interface Provider extends Extensions {
  type?: string;
  options?: Record<string, string[]>;
}

export interface EnvFile {
  /** Absolute. */
  path: string;
  required: boolean;
  /** `raw`: no interpolation, no quotes. */
  format?: string;
}

export interface Healthcheck extends Extensions {
  /** First word `NONE`, `CMD` or `CMD-SHELL`. */
  test?: string[];
  timeout?: Duration;
  interval?: Duration;
  retries?: number;
  start_period?: Duration;
  start_interval?: Duration;
  disable?: boolean;
}

export interface Logging extends Extensions {
  driver?: string;
  options?: Mapping;
}

export interface ServiceModel {
  endpoint_var?: string;
  model_var?: string;
}

export interface ServiceNetwork extends Extensions {
  aliases?: string[];
  driver_opts?: Mapping;
  gw_priority?: number;
  interface_name?: string;
  ipv4_address?: string;
  ipv6_address?: string;
  link_local_ips?: string[];
  mac_address?: string;
  /** Networks are connected from the highest to the lowest. */
  priority?: number;
}

export interface Port extends Extensions {
  name?: string;
  /** `ingress` or `host`; no difference on one machine. */
  mode?: string;
  host_ip?: string;
  target: number;
  /** A port or a range `8000-8010`; absent: any free one. */
  published?: string;
  /** `tcp`, `udp` or `sctp`. */
  protocol?: string;
  app_protocol?: string;
}

/** A reference to one of the project's secrets or configs. */
export interface FileReference extends Extensions {
  source: string;
  target?: string;
  uid?: string;
  gid?: string;
  /** Permissions. */
  mode?: number;
}

/** Either one limit or two. */
export interface Ulimit {
  single?: number;
  soft?: number;
  hard?: number;
}

export interface Mount extends Extensions {
  type: "bind" | "volume" | "tmpfs" | "npipe" | "cluster" | "image";
  /** Key of the project's volumes, absolute path, or image. Absent: anonymous. */
  source?: string;
  target?: string;
  read_only?: boolean;
  consistency?: string;
  bind?: {
    selinux?: string;
    propagation?: string;
    create_host_path?: boolean;
    recursive?: string;
  } & Extensions;
  volume?: { labels?: Mapping; nocopy?: boolean; subpath?: string } & Extensions;
  tmpfs?: { size?: Bytes; mode?: number } & Extensions;
  image?: { subpath?: string } & Extensions;
}

export interface Network extends Extensions {
  /** As the engine knows it: `project_key` unless named. */
  name: string;
  driver?: string;
  driver_opts?: Mapping;
  ipam: { driver?: string; config?: IpamPool[]; options?: Mapping } & Extensions;
  /** Not managed: must exist. */
  external?: boolean;
  internal?: boolean;
  attachable?: boolean;
  labels?: Mapping;
  enable_ipv4?: boolean;
  enable_ipv6?: boolean;
}

export interface IpamPool extends Extensions {
  subnet?: string;
  gateway?: string;
  ip_range?: string;
  aux_addresses?: Mapping;
}

export interface Volume extends Extensions {
  /** As the engine knows it: `project_key` unless named. */
  name: string;
  driver?: string;
  driver_opts?: Mapping;
  /** Not managed: must exist. */
  external?: boolean;
  labels?: Mapping;
}

/** A secret or a config. */
export interface FileObject extends Extensions {
  name: string;
  /** Absolute. */
  file?: string;
  /** Name of the variable that holds it. */
  environment?: string;
  /** Inline, or the value of the variable `environment`. */
  content?: string;
  external?: boolean;
  labels?: Mapping;
  driver?: string;
  driver_opts?: Mapping;
  template_driver?: string;
}

export interface Model extends Extensions {
  name?: string;
  model?: string;
  context_size?: number;
  runtime_flags?: string[];
}
