import { bytes, duration, processors } from "../flags/quantities.ts";
import { bool, custom, int, list, map, optionalBool, string } from "../flags/types.ts";
import {
  checkDeviceCgroupRule,
  parseByteRate,
  parseGpus,
  parseIoRate,
  parseUlimit,
  parseWeightDevice,
} from "./devices.ts";
import { checkLink, checkSysctl, parseDnsServer, parseExtraHost, parseSearchDomain } from "./hosts.ts";
import { checkLabel, resolveEnvironment } from "./key-values.ts";
import { parseMount } from "./mount.ts";
import { parseNetwork } from "./network.ts";

const many = <T>(type: string, help: string, parse: (text: string) => T, shown?: string) =>
  custom<T[]>({
    type,
    help,
    initial: () => [],
    ...(shown !== undefined && { defaultText: shown }),
    parse: (text, before) => [...before, parse(text)],
  });

const STREAMS = new Set(["stdin", "stdout", "stderr"]);

function checkStream(text: string): string {
  const stream = text.toLowerCase();
  if (!STREAMS.has(stream)) throw new Error("valid streams are STDIN, STDOUT and STDERR");
  return stream;
}

/** Flags that `run` and `create` share: everything about the container. */
export const CONTAINER_FLAGS = {
  "add-host": list("Give an address a name inside (name:ip, name:host-gateway)", { check: parseExtraHost }),
  annotation: map("Annotation for the OCI runtime"),
  attach: list("Attach to stdin, stdout or stderr", { shorthand: "a", check: checkStream }),
  "blkio-weight": int("Share of disk time, 10 to 1000; 0: off", { unsigned: true, bits: 16 }),
  "blkio-weight-device": many("list", "Share of one disk's time", parseWeightDevice, "[]"),
  "cap-add": list("Give a capability"),
  "cap-drop": list("Take a capability away"),
  "cgroup-parent": string("Parent of the container's cgroup"),
  cgroupns: string("cgroup namespace: host or private", { values: ["host", "private"] }),
  cidfile: string("Write the container's id to this file", { values: "file" }),
  "cpu-count": int("Number of processors (Windows only)", { hidden: true }),
  "cpu-percent": int("Share of the processors (Windows only)", { hidden: true }),
  "cpu-period": int("Period of the scheduler's quota, in microseconds"),
  "cpu-quota": int("Processor time in each period, in microseconds"),
  "cpu-rt-period": int("Real-time period, in microseconds"),
  "cpu-rt-runtime": int("Real-time processor time in each period, in microseconds"),
  "cpu-shares": int("Share of processor time, relative to others", { shorthand: "c" }),
  cpus: processors("Number of processors"),
  "cpuset-cpus": string("Processors to run on (0-3, 0,1)"),
  "cpuset-mems": string("Memory nodes to use (0-3, 0,1)"),
  device: list("Give a host device (/dev/x[:/dev/y][:rwm])"),
  "device-cgroup-rule": list("Allow devices by number", { check: checkDeviceCgroupRule }),
  "device-read-bps": many("list", "Most bytes a second read from a device", parseByteRate, "[]"),
  "device-read-iops": many("list", "Most reads a second from a device", parseIoRate, "[]"),
  "device-write-bps": many("list", "Most bytes a second written to a device", parseByteRate, "[]"),
  "device-write-iops": many("list", "Most writes a second to a device", parseIoRate, "[]"),
  "disable-content-trust": bool("Do not verify signatures", { default: true }),
  dns: list("Name server", { check: parseDnsServer }),
  "dns-opt": list("Resolver option", { hidden: true }),
  "dns-option": list("Resolver option"),
  "dns-search": list("Domain to search names in", { check: parseSearchDomain }),
  domainname: string("NIS domain"),
  entrypoint: string("Program to run instead of the image's"),
  env: list("Environment variable: NAME=value, or NAME to pass ours", {
    shorthand: "e",
    check: (text) => resolveEnvironment(text, process.env),
  }),
  "env-file": list("File of environment variables, one a line", { values: "file" }),
  expose: list("Port or range that it listens on"),
  gpus: custom({
    type: "gpu-request",
    help: "Graphics processors to give ('all', a number, or device=…)",
    initial: () => [] as ReturnType<typeof parseGpus>[],
    parse: (text, before) => [...before, parseGpus(text)],
  }),
  "group-add": list("Further group of the process"),
  "health-cmd": string("Command that tells whether it is healthy"),
  "health-interval": duration("Time between checks (ms|s|m|h)"),
  "health-retries": int("Failures in a row until it counts as unhealthy"),
  "health-start-interval": duration("Time between checks while it starts (ms|s|m|h)"),
  "health-start-period": duration("Time it may take to start (ms|s|m|h)"),
  "health-timeout": duration("Longest time that a check may take (ms|s|m|h)"),
  hostname: string("Host name inside", { shorthand: "h" }),
  init: optionalBool("Run a small init that passes signals on and reaps processes"),
  interactive: bool("Keep stdin open", { shorthand: "i" }),
  "io-maxbandwidth": bytes("Most bandwidth of the system drive (Windows only)", { hidden: true }),
  "io-maxiops": int("Most operations of the system drive (Windows only)", { hidden: true, unsigned: true }),
  ip: string("IPv4 address"),
  ip6: string("IPv6 address"),
  ipc: string("IPC namespace: none, private, shareable, host, container:NAME"),
  isolation: string("Isolation technology (default)"),
  "kernel-memory": bytes("Most kernel memory", { hidden: true }),
  label: list("Label: NAME=value", { shorthand: "l", check: checkLabel }),
  "label-file": list("File of labels, one a line", { values: "file" }),
  link: list("Reach another container by a name", { check: checkLink, values: "container" }),
  "link-local-ip": list("Link-local address"),
  "log-driver": string("Log driver"),
  "log-opt": list("Option of the log driver"),
  "mac-address": string("Hardware address (92:d0:c6:0a:29:33)"),
  memory: bytes("Most memory", { shorthand: "m" }),
  "memory-reservation": bytes("Memory that it can count on"),
  "memory-swap": bytes("Most memory and swap together; -1: no limit for swap", { unlimited: true }),
  "memory-swappiness": int("How eagerly to swap (0 to 100)", { default: -1 }),
  mount: many("mount", "Mount: type=bind|volume|tmpfs|image,source=…,target=…[,readonly]", parseMount),
  name: string("Name of the container"),
  net: custom({ ...networkFlag(), hidden: true }),
  "net-alias": list("Further name in the network", { hidden: true }),
  network: custom(networkFlag()),
  "network-alias": list("Further name in the network"),
  "no-healthcheck": bool("Do not run the image's health check"),
  "oom-kill-disable": bool("Do not kill it when memory runs out"),
  "oom-score-adj": int("How willingly the kernel kills it (-1000 to 1000)"),
  pid: string("PID namespace: host, container:NAME"),
  "pids-limit": int("Most processes; -1: no limit"),
  platform: string("Platform of the image (linux/arm64)"),
  privileged: bool("Give every privilege"),
  publish: list("Publish a port: [[ADDRESS:]PORT:]PORT[/udp]", { shorthand: "p" }),
  "publish-all": bool("Publish every exposed port on a free one", { shorthand: "P" }),
  pull: string('When to pull the image ("always", "missing", "never")', {
    default: "missing",
    values: ["always", "missing", "never"],
  }),
  quiet: bool("Say nothing of a pull", { shorthand: "q" }),
  "read-only": bool("Nothing can be written outside of mounts"),
  restart: string("When to start it again (no, always, unless-stopped, on-failure[:n])", {
    default: "no",
    values: ["no", "always", "unless-stopped", "on-failure"],
  }),
  rm: bool("Remove it and its anonymous volumes when it ends"),
  runtime: string("OCI runtime"),
  "security-opt": list("Security option (seccomp=FILE, no-new-privileges, …)"),
  "shm-size": bytes("Size of /dev/shm"),
  "stop-signal": string("Signal that asks it to end"),
  "stop-timeout": int("Seconds to wait before it is killed"),
  "storage-opt": list("Option of the storage driver"),
  sysctl: map("Kernel setting inside", { check: checkSysctl }),
  tmpfs: list("Mount a file system in memory (/path[:options])"),
  tty: bool("Give it a terminal", { shorthand: "t" }),
  ulimit: many("ulimit", "Resource limit (nofile=1024[:2048])", parseUlimit, "[]"),
  user: string("User and group: NAME|UID[:GROUP|GID]", { shorthand: "u" }),
  userns: string("User namespace: host"),
  uts: string("UTS namespace: host"),
  volume: list("Mount a folder or volume: [SOURCE:]TARGET[:ro]", { shorthand: "v" }),
  "volume-driver": string("Driver of the volumes named by -v"),
  "volumes-from": list("Mount what another container mounts", { values: "container" }),
  workdir: string("Working folder inside", { shorthand: "w" }),
};

function networkFlag() {
  return {
    type: "network",
    help: "Network: NAME, host, none, container:NAME, or name=…,alias=…,ip=…",
    initial: () => [] as ReturnType<typeof parseNetwork>[],
    parse: (text: string, before: ReturnType<typeof parseNetwork>[]) => [...before, parseNetwork(text)],
    values: "network" as const,
  };
}
