import { invalidParameter } from "@berth/base";
import { parseEndpoint } from "@berth/server";
import { buildCollection, DEFAULT_COLLECTION } from "./build-collection.ts";
import { address, bytes, cidr, type Kind, list, map, oneOf, text, truth, whole } from "./kinds.ts";
import { addressPools, features, networkOptions, runtimes, ulimits } from "./special-kinds.ts";

/** One setting of the daemon: a flag, a key of daemon.json, or both. */
export interface Option<V> {
  /** Without dashes; empty: only a key. */
  flag: string;
  short?: string;
  /** In daemon.json; empty: only a flag. */
  key: string;
  kind: Kind<V>;
  fallback: V;
  /** For the help. */
  text: string;
  /** Taken over from daemon.json on SIGHUP. */
  reloadable: boolean;
  /** False: known to dockerd and not to us yet; only the default is taken. */
  supported: boolean;
  /** Undefined: every value works. Else why this one does not; it is then refused. */
  refuse?: (value: V) => string | undefined;
}

interface More<V> {
  short?: string;
  key?: string;
  reloadable?: boolean;
  refuse?: (value: V) => string | undefined;
}

function option<V>(
  flag: string,
  kind: Kind<V>,
  fallback: V,
  description: string,
  more: More<V> = {},
): Option<V> {
  const { key = flag, reloadable = false, ...rest } = more;
  return { flag, kind, fallback, text: description, key, reloadable, supported: true, ...rest };
}

/** Known to dockerd and not to us yet: only its default is taken. */
function later<V>(
  flag: string,
  kind: Kind<V>,
  fallback: V,
  description: string,
  more: More<V> = {},
): Option<V> {
  const standard = kind.show(fallback);
  const refuse = (value: V) => (kind.show(value) === standard ? undefined : "is not supported by berth yet");
  return { ...option(flag, kind, fallback, description, { refuse, ...more }), supported: false };
}

const label = (entry: string) => {
  if (!entry.includes("=")) throw invalidParameter(`bad attribute format: ${entry}`);
  return entry;
};

const host = (entry: string) => {
  parseEndpoint(entry, { unixPath: "/run/berth/berth.sock", tls: false });
  return entry.trim();
};

const searchDomain = (entry: string) => {
  const domain = entry.trim();
  if (domain !== "." && !/^[a-zA-Z0-9]([a-zA-Z0-9_-]*[a-zA-Z0-9])?(\.[a-zA-Z0-9_-]+)*\.?$/.test(domain)) {
    throw invalidParameter(`${entry} is not a valid domain`);
  }
  return domain;
};

const notNegative = (what: string) => (value: number) => {
  if (value < 0) throw invalidParameter(`invalid ${what}: ${value}`);
  return undefined;
};

/** Docker's rule for `registry-mirrors`, with its sentences. */
const mirror = (entry: string) => {
  let url: URL | undefined;
  try {
    url = new URL(entry);
  } catch {
    // Said below.
  }
  if (url === undefined)
    throw invalidParameter(`invalid mirror: ${JSON.stringify(entry)} is not a valid URI`);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw invalidParameter(
      `invalid mirror: unsupported scheme ${JSON.stringify(url.protocol.slice(0, -1))} in ${JSON.stringify(entry)}`,
    );
  }
  if (url.search !== "" || url.hash !== "") {
    throw invalidParameter(
      `invalid mirror: path, query, or fragment at end of the URI ${JSON.stringify(entry)}`,
    );
  }
  if (url.username !== "") {
    throw invalidParameter(`invalid mirror: username/password not allowed in URI ${JSON.stringify(entry)}`);
  }
  return entry;
};

const insecureRegistry = (entry: string) => {
  const bare = entry.trim();
  if (/^https?:\/\//.test(bare)) {
    throw invalidParameter(`insecure registry ${bare} should not contain '://'`);
  }
  if (bare === "" || bare.startsWith("-"))
    throw invalidParameter(`insecure registry ${bare} is not valid: invalid host ${JSON.stringify(bare)}`);
  return bare;
};

const NO_LIST: readonly string[] = [];
const EMPTY = {};
const NO_FEATURES: Readonly<Record<string, boolean>> = {};

/** All that dockerd 26 knows, and what is ours. The help, the parser and the check of daemon.json derive from it. */
export const OPTIONS = {
  runtimes: option("add-runtime", runtimes, EMPTY, "Register an additional OCI compatible runtime", {
    key: "runtimes",
    reloadable: true,
  }),
  authorizationPlugins: later(
    "authorization-plugin",
    list("list"),
    NO_LIST,
    "Authorization plugins to load",
    {
      key: "authorization-plugins",
    },
  ),
  bip: option("bip", cidr, "", "Specify network bridge IP"),
  bridge: option("bridge", text, "", "Attach containers to a network bridge; made when it does not exist", {
    short: "b",
  }),
  bypassHostFirewall: option(
    "bypass-host-firewall",
    truth,
    false,
    "Open published ports to other machines also where the host's firewall (ufw) forbids it",
  ),
  cgroupParent: option("cgroup-parent", text, "", "Set parent cgroup for all containers"),
  buildCollection: option("", buildCollection, DEFAULT_COLLECTION, "What is kept of the build cache", {
    key: "builder",
  }),
  configFile: option("config-file", text, "/etc/berth/daemon.json", "Daemon configuration file", { key: "" }),
  containerd: later("containerd", text, "", "containerd grpc address"),
  cpuRtPeriod: later("cpu-rt-period", whole, 0, "Limit the CPU real-time period in microseconds"),
  cpuRtRuntime: later("cpu-rt-runtime", whole, 0, "Limit the CPU real-time runtime in microseconds"),
  dataRoot: option("data-root", text, "/var/lib/berth", "Root directory of persistent state"),
  debug: option("debug", truth, false, "Enable debug mode", { short: "D", reloadable: true }),
  defaultAddressPools: option(
    "default-address-pool",
    addressPools,
    [],
    "Default address pools for new networks",
    {
      key: "default-address-pools",
    },
  ),
  defaultCgroupnsMode: option(
    "default-cgroupns-mode",
    oneOf(
      ["", "host", "private"],
      (mode) => `default cgroup namespace mode (${mode}) is invalid; use "host" or "private"`,
    ),
    "",
    'Default mode for containers cgroup namespace ("host" | "private")',
  ),
  defaultGateway: later("default-gateway", text, "", "Container default gateway IPv4 address"),
  defaultGatewayV6: later("default-gateway-v6", text, "", "Container default gateway IPv6 address"),
  defaultIpcMode: option(
    "default-ipc-mode",
    oneOf(
      ["shareable", "private"],
      (mode) =>
        `IPC mode "${mode}" is not supported as default value for daemon; use "shareable" or "private"`,
    ),
    "private",
    'Default mode for containers ipc ("shareable" | "private")',
  ),
  defaultNetworkOpts: option("default-network-opt", networkOptions, EMPTY, "Default network options", {
    key: "default-network-opts",
  }),
  defaultRuntime: option("default-runtime", text, "", "Default OCI runtime for containers", {
    reloadable: true,
  }),
  defaultShmSize: option("default-shm-size", bytes, 64 << 20, "Default shm size for containers"),
  defaultUlimits: option("default-ulimit", ulimits, EMPTY, "Default ulimits for containers", {
    key: "default-ulimits",
  }),
  dns: option(
    "dns",
    list("list", (entry) => address.parse(entry, undefined)),
    NO_LIST,
    "DNS server to use",
  ),
  dnsOptions: option("dns-opt", list("list"), NO_LIST, "DNS options to use", { key: "dns-opts" }),
  dnsSearch: option("dns-search", list("list", searchDomain), NO_LIST, "DNS search domains to use"),
  execOptions: option("exec-opt", list("list"), NO_LIST, "Runtime execution options", {
    key: "exec-opts",
    refuse: (options) =>
      options.every((each) => each === "native.cgroupdriver=cgroupfs")
        ? undefined
        : "is not supported by berth yet; only native.cgroupdriver=cgroupfs works",
  }),
  execRoot: option("exec-root", text, "/run/berth", "Root directory for execution state files"),
  experimental: later("experimental", truth, false, "Enable experimental features"),
  features: option("", features, NO_FEATURES, "Optional features", {
    key: "features",
    reloadable: true,
    refuse: (given) => {
      const wrong = Object.keys(given).find((name) => name !== "buildkit" && given[name]);
      return wrong === undefined ? undefined : `${wrong} is not supported by berth yet`;
    },
  }),
  fixedCidr: option("fixed-cidr", cidr, "", "IPv4 subnet for fixed IPs"),
  fixedCidrV6: option("fixed-cidr-v6", cidr, "", "IPv6 subnet for fixed IPs"),
  group: option("group", text, "", "Group for the unix socket (docker or berth when it exists)", {
    short: "G",
  }),
  help: option("help", truth, false, "Print usage", { key: "" }),
  hosts: option("host", list("list", host), NO_LIST, "Daemon socket(s) to listen on", {
    short: "H",
    key: "hosts",
  }),
  hostGatewayIp: option(
    "host-gateway-ip",
    text,
    "",
    "IP address that the special 'host-gateway' string resolves to",
  ),
  httpProxy: later("http-proxy", text, "", "HTTP proxy URL to use for outgoing traffic", { key: "" }),
  httpsProxy: later("https-proxy", text, "", "HTTPS proxy URL to use for outgoing traffic", { key: "" }),
  icc: option("icc", truth, true, "Enable inter-container communication"),
  init: option("init", truth, false, "Run an init in the container to forward signals and reap processes"),
  initPath: option("init-path", text, "", "Path to the init binary"),
  insecureRegistries: option(
    "insecure-registry",
    list("list", insecureRegistry),
    NO_LIST,
    "Enable insecure registry communication",
    {
      key: "insecure-registries",
      reloadable: true,
    },
  ),
  ip: option("ip", address, "0.0.0.0", "Default IP when binding container ports"),
  ipForward: option("ip-forward", truth, true, "Enable net.ipv4.ip_forward"),
  ipMasq: option("ip-masq", truth, true, "Enable IP masquerading"),
  ip6tables: later("ip6tables", truth, true, "Enable addition of IPv6 rules"),
  iptables: option("iptables", truth, true, "Enable addition of firewall rules"),
  ipv6: option("ipv6", truth, false, "Enable IPv6 networking"),
  labels: option("label", list("list", label), NO_LIST, "Set key=value labels to the daemon", {
    key: "labels",
    reloadable: true,
  }),
  liveRestore: option("live-restore", truth, false, "Keep containers running when the daemon is stopped", {
    reloadable: true,
  }),
  logDriver: option("log-driver", text, "json-file", "Default driver for container logs"),
  logFormat: later(
    "log-format",
    oneOf(["text", "json"], (format) => `invalid log format: ${format}`),
    "text",
    'Set the logging format ("text"|"json")',
  ),
  logLevel: option(
    "log-level",
    oneOf(["debug", "info", "warn", "error", "fatal"], (level) => `unable to parse logging level: ${level}`),
    "info",
    'Set the logging level ("debug"|"info"|"warn"|"error"|"fatal")',
    { short: "l" },
  ),
  logOptions: option("log-opt", map, EMPTY, "Default log driver options for containers", { key: "log-opts" }),
  maxConcurrentDownloads: option("max-concurrent-downloads", whole, 3, "Set the max concurrent downloads", {
    reloadable: true,
    refuse: notNegative("max concurrent downloads"),
  }),
  maxConcurrentUploads: option("max-concurrent-uploads", whole, 5, "Set the max concurrent uploads", {
    reloadable: true,
    refuse: notNegative("max concurrent uploads"),
  }),
  maxDownloadAttempts: option("max-download-attempts", whole, 5, "Set the max download attempts", {
    reloadable: true,
    refuse: notNegative("max download attempts"),
  }),
  metricsAddress: later("metrics-addr", text, "", "Set default address and port to serve the metrics api on"),
  mtu: option("mtu", whole, 0, "Set the containers network MTU", { refuse: notNegative("mtu") }),
  networkControlPlaneMtu: later("network-control-plane-mtu", whole, 1500, "Network Control plane MTU"),
  noNewPrivileges: option(
    "no-new-privileges",
    truth,
    false,
    "Set no-new-privileges by default for new containers",
  ),
  nodeGenericResources: later(
    "node-generic-resource",
    list("list"),
    NO_LIST,
    "Advertise user-defined resource",
    {
      key: "node-generic-resources",
    },
  ),
  oomScoreAdjust: later("oom-score-adjust", whole, 0, "Set the oom_score_adj for the daemon"),
  pidfile: option("pidfile", text, "/run/berth/berth.pid", "Path to use for daemon PID file", { short: "p" }),
  rawLogs: later("raw-logs", truth, false, "Full timestamps without ANSI coloring"),
  registryMirrors: option("registry-mirror", list("list", mirror), NO_LIST, "Preferred registry mirror", {
    key: "registry-mirrors",
    reloadable: true,
  }),
  rootless: later("rootless", truth, false, "Enable rootless mode", { key: "" }),
  seccompProfile: later("seccomp-profile", text, "", "Path to seccomp profile"),
  selinuxEnabled: later("selinux-enabled", truth, false, "Enable selinux support"),
  shutdownTimeout: option("shutdown-timeout", whole, 15, "Set the default shutdown timeout in seconds", {
    reloadable: true,
  }),
  storageDriver: option("storage-driver", text, "", "Storage driver to use", { short: "s" }),
  storageOptions: later("storage-opt", list("list"), NO_LIST, "Storage driver options", {
    key: "storage-opts",
  }),
  swarmDefaultAdvertiseAddr: later("swarm-default-advertise-addr", text, "", "Default address for swarm"),
  tls: option("tls", truth, false, "Use TLS; implied by --tlsverify"),
  tlsCaCert: option("tlscacert", text, "", "Trust certs signed only by this CA"),
  tlsCert: option("tlscert", text, "", "Path to TLS certificate file"),
  tlsKey: option("tlskey", text, "", "Path to TLS key file"),
  tlsVerify: option("tlsverify", truth, false, "Use TLS and verify the remote"),
  userlandProxy: option("userland-proxy", truth, true, "Use userland proxy for loopback traffic"),
  userlandProxyPath: later("userland-proxy-path", text, "", "Path to the userland proxy binary"),
  usernsRemap: later("userns-remap", text, "", "User/Group setting for user namespaces"),
  validate: option("validate", truth, false, "Validate daemon configuration and exit", { key: "" }),
  version: option("version", truth, false, "Print version information and quit", { short: "v", key: "" }),
} as const;

export type OptionName = keyof typeof OPTIONS;

/** The daemon's settings, complete. */
export type DaemonConfig = {
  -readonly [Name in OptionName]: (typeof OPTIONS)[Name] extends Option<infer V> ? V : never;
};

/** Typed alike for loops over all options. */
export const OPTION_LIST = Object.entries(OPTIONS) as [OptionName, Option<unknown>][];
