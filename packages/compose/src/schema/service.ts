import { devicesShort, hostPair } from "../short/lists.ts";
import { portKey, portShort } from "../short/ports.ts";
import { mountKey, mountShort } from "../short/volumes.ts";
import {
  bytes,
  duration,
  flag,
  float,
  integer,
  list,
  map,
  oneOf,
  pairs,
  type Shape,
  struct,
  text,
  textOr,
  texts,
  variables,
} from "./shape.ts";

const same = (item: string) => item;
const NAME = /^[a-zA-Z0-9._-]+$/;
const fileReference = (secret: boolean): Shape =>
  list(
    struct(
      {
        source: text(),
        target: text(),
        uid: text(),
        gid: text(),
        mode: { is: "mode" },
      },
      {
        short: (value) => (typeof value === "string" ? { source: value } : undefined),
        must: "must be a string",
      },
    ),
    {
      key: (item: { source?: string; target?: string }) =>
        item.target ?? `${secret ? "/run/secrets/" : "/"}${item.source ?? ""}`,
    },
  );
const hosts: Shape = { is: "map", of: texts(), collect: true, list: hostPair, must: "must be a mapping" };
const command: Shape = { is: "command", always: "null", keep: true, must: "must be a null" };
const ulimits: Shape = map(
  struct(
    { single: integer(), soft: integer({ keep: true }), hard: integer({ keep: true }) },
    {
      required: ["hard", "soft"],
      extensible: false,
      short: (value) =>
        typeof value === "number" || typeof value === "string" ? { single: value } : undefined,
      must: "must be a integer",
    },
  ),
  { keys: /^[a-z]+$/ },
);
// Compose's own JSON has these names begin with a capital.
const devicePath = text({ hashedAs: "Path" });
const throttle = list(struct({ path: devicePath, rate: bytes({ hashedAs: "Rate" }) }));
const hook = struct(
  {
    command: { is: "command", must: "must be a string" },
    user: text(),
    privileged: flag(),
    working_dir: text(),
    environment: variables(),
  },
  { required: ["command"] },
);
const deviceRequests = list(
  struct({
    capabilities: list(text()),
    driver: text(),
    count: {
      is: "integer",
      must: "must be a string or integer",
    },
    device_ids: list(text()),
    options: pairs(),
  }),
);
const gpus: Shape = {
  ...deviceRequests,
  expand: (value: unknown) => (value === "all" ? [{ count: -1 }] : undefined),
} as Shape;
const resource = struct({
  cpus: float({ must: "must be a number or string" }),
  memory: bytes({ must: "must be a string" }),
  pids: integer(),
  devices: deviceRequests,
  generic_resources: list(
    struct({ discrete_resource_spec: struct({ kind: text(), value: integer({ keep: true }) }) }),
  ),
});
const update = struct({
  parallelism: integer({ keep: true }),
  delay: duration(),
  failure_action: text(),
  monitor: duration(),
  max_failure_ratio: float(),
  order: oneOf("start-first", "stop-first"),
});

const build = struct(
  {
    context: text(),
    dockerfile: text(),
    dockerfile_inline: text(),
    entitlements: list(text()),
    args: variables(),
    provenance: textOr("boolean"),
    sbom: textOr("boolean"),
    ssh: pairs({ asList: true }),
    labels: pairs(),
    cache_from: list(text()),
    cache_to: list(text()),
    no_cache: flag(),
    no_cache_filter: texts(),
    additional_contexts: pairs(),
    pull: flag(),
    extra_hosts: hosts,
    isolation: text(),
    network: text(),
    target: text(),
    secrets: fileReference(true),
    shm_size: bytes(),
    tags: list(text()),
    ulimits,
    platforms: list(text()),
    privileged: flag(),
  },
  {
    short: (value) => (typeof value === "string" ? { context: value } : undefined),
    must: "must be a string",
  },
);

const deploy = struct({
  mode: text(),
  replicas: integer({ keep: true }),
  labels: pairs(),
  update_config: update,
  rollback_config: update,
  resources: struct({ limits: resource, reservations: resource }, { always: "empty" }),
  restart_policy: struct({
    condition: text(),
    delay: duration({ keep: true }),
    max_attempts: integer({ keep: true }),
    window: duration({ keep: true }),
  }),
  placement: struct(
    {
      constraints: list(text()),
      preferences: list(struct({ spread: text() })),
      max_replicas_per_node: integer(),
    },
    { always: "empty" },
  ),
  endpoint_mode: text(),
});

const serviceNetwork = struct(
  {
    priority: integer(),
    gw_priority: integer(),
    interface_name: text(),
    aliases: list(text()),
    ipv4_address: text(),
    ipv6_address: text(),
    link_local_ips: list(text()),
    mac_address: text(),
    driver_opts: map(textOr("number")),
  },
  { nullable: true },
);

const mount = struct(
  {
    type: oneOf("bind", "volume", "tmpfs", "cluster", "npipe", "image"),
    source: text(),
    target: text(),
    read_only: flag(),
    consistency: text(),
    bind: struct(
      {
        selinux: oneOf("z", "Z"),
        propagation: text(),
        create_host_path: flag(),
        recursive: oneOf("enabled", "disabled", "writable", "readonly"),
      },
      { keep: true },
    ),
    volume: struct({ labels: pairs(), nocopy: flag(), subpath: text() }, { keep: true }),
    tmpfs: struct({ size: bytes(), mode: integer() }, { keep: true }),
    image: struct({ subpath: text() }, { keep: true }),
  },
  { required: ["type"], short: mountShort, must: "must be a string" },
);

const port = struct(
  {
    name: text(),
    mode: text(),
    host_ip: text(),
    target: integer({ must: "must be a integer or string" }),
    published: textOr("number", { must: "must be a string or integer" }),
    protocol: text(),
    app_protocol: text(),
  },
  { must: "must be a number" },
);

const dependsOn: Shape = map(
  struct(
    {
      condition: oneOf("service_started", "service_healthy", "service_completed_successfully"),
      restart: flag(),
      required: flag({ keep: true }),
    },
    { required: ["condition"] },
  ),
  { keys: NAME },
);

/** A service. The order is that in which Compose prints them. */
export const SERVICE = struct({
  profiles: list(text()),
  annotations: pairs(),
  attach: flag({ keep: true }),
  build,
  develop: struct({
    watch: list(
      struct(
        {
          path: text(),
          action: oneOf("rebuild", "sync", "restart", "sync+restart", "sync+exec"),
          target: text(),
          exec: hook,
          include: texts(),
          ignore: texts(),
          initial_sync: flag(),
        },
        { required: ["path", "action"] },
      ),
    ),
  }),
  blkio_config: struct({
    weight: integer(),
    weight_device: list(struct({ path: devicePath, weight: integer({ hashedAs: "Weight" }) })),
    device_read_bps: throttle,
    device_read_iops: throttle,
    device_write_bps: throttle,
    device_write_iops: throttle,
  }),
  cap_add: list(text(), { key: same }),
  cap_drop: list(text(), { key: same }),
  cgroup_parent: text(),
  cgroup: oneOf("host", "private"),
  cpu_count: integer(),
  cpu_percent: float(),
  cpu_period: integer(),
  cpu_quota: integer(),
  cpu_rt_period: { is: "integer", must: "must be a number or string" },
  cpu_rt_runtime: { is: "integer", must: "must be a number or string" },
  cpus: float(),
  cpuset: text(),
  cpu_shares: integer(),
  command: { ...command, merge: "replace" },
  configs: fileReference(false),
  container_name: text(),
  credential_spec: struct({ config: text(), file: text(), registry: text() }),
  depends_on: {
    ...dependsOn,
    list: (item: string) => [item, { condition: "service_started", required: true }],
    must: "must be a list",
  } as Shape,
  deploy: { ...deploy, nullable: true } as Shape,
  device_cgroup_rules: list(text()),
  devices: list(
    struct(
      { source: text(), target: text(), permissions: text() },
      { short: devicesShort, must: "must be a string" },
    ),
  ),
  dns: texts(),
  dns_opt: list(text(), { key: same }),
  dns_search: texts(),
  domainname: text(),
  entrypoint: { ...command, merge: "replace" },
  provider: struct({ type: text(), options: map({ is: "list", of: textOr("scalar"), single: true }) }),
  environment: variables(),
  env_file: {
    is: "list",
    of: struct(
      { path: text(), required: flag({ keep: true }), format: text() },
      { required: ["path"], short: (value) => (typeof value === "string" ? { path: value } : undefined) },
    ),
    single: true,
    must: "must be a string",
  },
  expose: list(textOr("number"), { key: (item: string) => item }),
  extends: struct(
    { file: text(), service: text() },
    { required: ["service"], short: (value) => (typeof value === "string" ? { service: value } : undefined) },
  ),
  external_links: list(text(), { key: same }),
  extra_hosts: hosts,
  group_add: list(textOr("number"), { key: same }),
  gpus,
  hostname: text(),
  healthcheck: struct({
    test: { is: "list", of: text(), single: true, must: "must be a string", merge: "replace" },
    timeout: duration({ keep: true }),
    interval: duration({ keep: true }),
    retries: integer({ keep: true }),
    start_period: duration({ keep: true }),
    start_interval: duration({ keep: true }),
    disable: flag(),
  }),
  image: text(),
  init: flag({ keep: true }),
  ipc: text(),
  isolation: text(),
  labels: pairs(),
  label_file: texts(),
  links: list(text()),
  logging: struct({
    driver: text(),
    options: map(textOr("scalar", { must: "must be a string, number or null" })),
  }),
  log_driver: text(),
  log_opt: map(textOr("scalar")),
  mem_limit: bytes(),
  mem_reservation: bytes(),
  memswap_limit: bytes(),
  mem_swappiness: bytes(),
  mac_address: text(),
  models: {
    is: "map",
    of: struct({ endpoint_var: text(), model_var: text() }, { nullable: true }),
    list: (item: string) => [item, null],
    must: "must be a list",
  },
  net: text(),
  network_mode: text(),
  networks: {
    is: "map",
    of: serviceNetwork,
    keys: NAME,
    list: (item: string) => [item, null],
    must: "must be a list",
  },
  oom_kill_disable: flag(),
  oom_score_adj: integer({ least: -1000, most: 1000 }),
  pid: text(),
  pids_limit: integer(),
  platform: text(),
  ports: list(port, { key: portKey, expand: portShort }),
  privileged: flag(),
  pull_policy: text({
    matches: /^(always|never|build|if_not_present|missing|refresh|daily|weekly|every_([0-9]+[wdhms])+)$/,
    must: 'must be one of the following: "always", "never", "if_not_present", "build", "missing", "refresh", "daily", "weekly", "every_<duration>"',
  }),
  pull_refresh_after: text(),
  read_only: flag(),
  restart: text(),
  runtime: text(),
  scale: integer({ keep: true }),
  secrets: fileReference(true),
  security_opt: list(text(), { key: same }),
  shm_size: bytes(),
  stdin_open: flag(),
  stop_grace_period: duration({ keep: true }),
  stop_signal: text(),
  storage_opt: map(textOr("scalar")),
  sysctls: pairs(),
  tmpfs: texts(),
  tty: flag(),
  ulimits,
  use_api_socket: flag(),
  user: text(),
  userns_mode: text(),
  uts: text(),
  volume_driver: text(),
  volumes: list(mount, { key: mountKey }),
  volumes_from: list(text(), { key: same }),
  working_dir: text(),
  post_start: list(hook),
  pre_stop: list(hook),
});
