import { describe, expect, test } from "bun:test";
import type { ContainerConfig, HostConfig } from "@berth/api";
import { Filters } from "@berth/api";
import { EngineBench, emptyConfig, emptyHostConfig, FACTS, request } from "../testing/engine-bench.ts";
import { override } from "./environment.ts";
import { humanDuration } from "./human-duration.ts";
import { validateLogConfig } from "./log-config.ts";
import { commandOf, mergeConfig } from "./merge.ts";
import { checkName, randomName } from "./names.ts";
import { exposedPorts, portRequests } from "./ports.ts";
import { nextDelay, shouldRestart } from "./restart-policy.ts";
import { parseSignal } from "./signals.ts";
import { parseNetDev } from "./stats.ts";
import { parsePs } from "./top.ts";
import { validateResources } from "./validate-resources.ts";

const host = (part: Partial<HostConfig>): HostConfig => ({ ...emptyHostConfig(), ...part });
const config = (part: Partial<ContainerConfig>): ContainerConfig => ({ ...emptyConfig(), ...part });

describe("create refuses what dockerd 20.10 refuses, in its words", () => {
  const cases: [Partial<ContainerConfig>, Partial<HostConfig>, string][] = [
    [{ Cmd: null, Entrypoint: [""], Image: "empty" }, {}, "No command specified"],
    [{ Image: "nope" }, {}, "No such image: nope"],
    [{ WorkingDir: "rel" }, {}, "the working directory 'rel' is invalid, it needs to be an absolute path"],
    [{ Env: ["=x"] }, {}, "invalid environment variable: =x"],
    [{ StopSignal: "NOPE" }, {}, "Invalid signal: NOPE"],
    [{ Healthcheck: { Interval: 1000 } }, {}, "Interval in Healthcheck cannot be less than 1ms"],
    [{ Healthcheck: { Retries: -1 } }, {}, "Retries in Healthcheck cannot be negative"],
    [
      { MacAddress: "02:42:ac:11:00:05" },
      { NetworkMode: "host" },
      "conflicting options: mac-address and the network mode",
    ],
    [
      {},
      { Binds: ["a/b:/c"] },
      'create a/b: "a/b" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path',
    ],
    [
      {},
      { Binds: ["x:/y"] },
      "create x: volume name is too short, names should be at least two alphanumeric characters",
    ],
    [{}, { Binds: ["/a:/x", "/b:/x"] }, "Duplicate mount point: /x"],
    [{}, { Binds: ["/a:/x"], Tmpfs: { "/x": "" } }, "Duplicate mount point: /x"],
    [{}, { Tmpfs: { x: "" } }, "invalid mount path: 'x' mount path must be absolute"],
    [{}, { VolumesFrom: ["nope"] }, "No such container: nope"],
    [
      {},
      { VolumeDriver: "nope", Binds: ["v9:/x"] },
      'create v9: error looking up volume plugin nope: plugin "nope" not found',
    ],
    [{}, { Memory: 1000 }, "Minimum memory limit allowed is 6MB"],
    [
      {},
      { Memory: 10 << 20, MemorySwap: 1 << 20 },
      "Minimum memoryswap limit should be larger than memory limit, see usage",
    ],
    [
      {},
      { MemorySwap: 10 << 20 },
      "You should always set the Memory limit when using Memoryswap limit, see usage",
    ],
    [{}, { MemoryReservation: 100 }, "Minimum memory reservation allowed is 6MB"],
    [{}, { MemorySwappiness: 200 }, "Invalid value: 200, valid memory swappiness range is 0-100"],
    [{}, { NanoCpus: 1e12 }, "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available"],
    [{}, { NanoCpus: 1, CpuQuota: 10 }, "Conflicting options: Nano CPUs and CPU Quota cannot both be set"],
    [
      {},
      { CpuPeriod: 10 },
      "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)",
    ],
    [{}, { CpusetCpus: "99" }, "Requested CPUs are not available - requested 99, available: 0-1"],
    [{}, { CpusetCpus: "x" }, "Invalid value x for cpuset cpus: invalid format: x"],
    [{}, { CpusetMems: "9" }, "Requested memory nodes are not available - requested 9, available: 0"],
    [{}, { ShmSize: -1 }, "SHM size can not be less than 0"],
    [{}, { OomScoreAdj: 2000 }, "Invalid value 2000, range for oom score adj is [-1000, 1000]"],
    [{}, { Isolation: "hyperv" }, "Invalid isolation: \"hyperv\" - linux only supports 'default'"],
    [{}, { Runtime: "nope" }, "Unknown runtime specified nope"],
    [{}, { RestartPolicy: { Name: "foo", MaximumRetryCount: 0 } }, "invalid restart policy 'foo'"],
    [
      {},
      { RestartPolicy: { Name: "always", MaximumRetryCount: 3 } },
      "maximum retry count cannot be used with restart policy 'always'",
    ],
    [
      {},
      { RestartPolicy: { Name: "always", MaximumRetryCount: 0 }, AutoRemove: true },
      "can't create 'AutoRemove' container with restart policy",
    ],
    [{ Hostname: "h" }, { NetworkMode: "container:x" }, "conflicting options: hostname and the network mode"],
    [{}, { NetworkMode: "container:x", Dns: ["1.1.1.1"] }, "conflicting options: dns and the network mode"],
    [
      {},
      { NetworkMode: "container:x", PublishAllPorts: true },
      "conflicting options: port publishing and the container type network mode",
    ],
    [
      { ExposedPorts: { "80/tcp": {} } },
      { NetworkMode: "container:x" },
      "conflicting options: port exposing and the container type network mode",
    ],
    [
      {},
      { NetworkMode: "host", Links: ["a:b"] },
      "conflicting options: host type networking can't be used with links. This would result in undefined behavior",
    ],
    [{ Hostname: "h" }, { UTSMode: "host" }, "conflicting options: hostname and the UTS mode"],
    [{}, { Links: ["nope:x"] }, "could not get container for nope: No such container: nope"],
    [{}, { Links: [":"] }, 'could not get container for : invalid name or ID supplied: ""'],
    [{}, { Links: ["a:b:c"] }, "bad format for links: a:b:c"],
    [{}, { PortBindings: { "80/tcp": [{ HostIp: "", HostPort: "x" }] } }, 'invalid port specification: "x"'],
    [
      {},
      { PortBindings: { "80-90/tcp": [{ HostIp: "", HostPort: "80" }] } },
      'invalid port specification: "80-90"',
    ],
    [{}, { IpcMode: "container:nope" }, "No such container: nope"],
    [{}, { CgroupnsMode: "foo" }, "invalid cgroup namespace mode: foo"],
    [{}, { CapAdd: ["FOO"] }, 'invalid CapAdd: unknown capability: "CAP_FOO"'],
    [{}, { ExtraHosts: ["bad"] }, 'bad format for add-host: "bad"'],
    [{}, { ExtraHosts: ["a:zz"] }, 'invalid IP address in add-host: "zz"'],
    [
      {},
      { LogConfig: { Type: "nope", Config: null } },
      'error looking up logging plugin nope: plugin "nope" not found',
    ],
    [
      {},
      { LogConfig: { Type: "json-file", Config: { foo: "x" } } },
      "unknown log opt 'foo' for json-file log driver",
    ],
    [
      {},
      { LogConfig: { Type: "json-file", Config: { mode: "zz" } } },
      "logger: logging mode not supported: zz",
    ],
    [
      {},
      { StorageOpt: { size: "1g" } },
      "--storage-opt is supported only for overlay over xfs with 'pquota' mount option",
    ],
  ];
  test.each(cases)("%j %j: %s", async (configPart, hostPart, sentence) => {
    await using bench = new EngineBench();
    bench.images.add("empty", {});
    const options = request(["true"], { config: configPart, host: hostPart });
    const refused = bench.containers.create(options, new AbortController().signal);
    expect(
      await refused.then(
        () => "",
        (error: Error) => error.message,
      ),
    ).toBe(sentence);
    expect(bench.leftovers()).toEqual([]);
  });
});

test("what the kernel cannot do is taken out with a warning", () => {
  const { resources, warnings } = validateResources(host({ BlkioWeight: 500, CpuPercent: 5 }), FACTS, false);
  expect(resources.BlkioWeight).toBe(0);
  expect(warnings).toEqual([
    "linux does not support CPU percent. Percent discarded.",
    "Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.",
  ]);
});

test("names", () => {
  expect(checkName("/web-1.x_y")).toBe("web-1.x_y");
  for (const bad of ["a", "-a", "a b", "", "/", "a/b", "é1"]) {
    expect(() => checkName(bad)).toThrow(
      `Invalid container name (${bad}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
    );
  }
  for (let round = 0; round < 1000; round++) expect(randomName(() => true)).toMatch(/^[a-z]+_[a-z]+$/);
  const taken = new Set<string>();
  for (let round = 0; round < 2000; round++) {
    const name = randomName((each) => !taken.has(each));
    expect(taken.has(name)).toBe(false);
    expect(checkName(name)).toBe(name);
    taken.add(name);
  }
});

test("signals", () => {
  expect(["TERM", "sigterm", "15", "SIGRTMIN+3", "RTMAX-1", "HUP"].map(parseSignal)).toEqual([
    15, 15, 15, 37, 63, 1,
  ]);
  for (const bad of ["", "0", "65", "-1", "FOO", "SIG", "1.5", "RTMIN+16"]) {
    expect(() => parseSignal(bad)).toThrow(`Invalid signal: ${bad}`);
  }
});

describe("configuration and image", () => {
  const image = {
    Cmd: ["run"],
    Entrypoint: ["/entry"],
    Env: ["PATH=/bin", "A=image"],
    Labels: { a: "1", b: "2" },
    ExposedPorts: { "80": {} },
    User: "app",
    WorkingDir: "/srv",
  };

  test("ENTRYPOINT and CMD meet", () => {
    const command = (part: Partial<ContainerConfig>) => {
      const { path, args } = commandOf(mergeConfig(config(part), image));
      return [path, ...args].join(" ");
    };
    expect(command({})).toBe("/entry run");
    expect(command({ Cmd: ["x", "y"] })).toBe("/entry x y");
    expect(command({ Entrypoint: ["/mine"] })).toBe("/mine");
    expect(command({ Entrypoint: ["/mine"], Cmd: ["z"] })).toBe("/mine z");
    expect(command({ Entrypoint: [""], Cmd: ["z"] })).toBe("z");
  });

  test("the user's go first, the image fills in", () => {
    const merged = mergeConfig(
      config({ Env: ["A=mine"], Labels: { b: "mine" }, ExposedPorts: { "81/udp": {} } }),
      image,
    );
    expect(merged.Env).toEqual(["A=mine", "PATH=/bin"]);
    expect(merged.Labels).toEqual({ a: "1", b: "mine" });
    expect(Object.keys(merged.ExposedPorts ?? {}).sort()).toEqual(["80/tcp", "81/udp"]);
    expect(merged).toMatchObject({ User: "app", WorkingDir: "/srv" });
  });

  test("a health check is completed field by field", () => {
    const merged = mergeConfig(config({ Healthcheck: { Retries: 9 } }), {
      ...image,
      Healthcheck: { Test: ["CMD", "x"], Retries: 2, Timeout: 5e9 },
    });
    expect(merged.Healthcheck).toEqual({ Test: ["CMD", "x"], Retries: 9, Timeout: 5e9 });
  });

  test("environment is replaced in place", () => {
    expect(override(["PATH=/a", "X=1"], ["X=2", "Y=3", "PATH"])).toEqual(["X=2", "Y=3"]);
  });
});

test("ports", () => {
  expect(
    portRequests(
      config({ ExposedPorts: { "80/tcp": {}, "81-82/udp": {}, nonsense: {} } }),
      host({
        PublishAllPorts: true,
        PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "8000-8010" }] },
      }),
    ),
  ).toEqual([
    { protocol: "tcp", containerPort: 80, hostAddress: "127.0.0.1", hostPortFirst: 8000, hostPortLast: 8010 },
    { protocol: "udp", containerPort: 81, hostAddress: "", hostPortFirst: 0, hostPortLast: 0 },
    { protocol: "udp", containerPort: 82, hostAddress: "", hostPortFirst: 0, hostPortLast: 0 },
  ]);
  for (let round = 0; round < 5000; round++) {
    const key = Array.from(
      { length: Math.random() * 9 },
      () => "0123456789-/tcpu "[Math.floor(Math.random() * 17)],
    ).join("");
    for (const { port } of exposedPorts(config({ ExposedPorts: { [key]: {} } })))
      expect(port).toBeLessThan(65_536);
  }
});

test("restart policies", () => {
  const exit = { exitCode: 1, restartCount: 0, manuallyStopped: false };
  const policy = (Name: string, MaximumRetryCount = 0) => ({ Name, MaximumRetryCount });
  expect(shouldRestart(policy("no"), exit)).toBe(false);
  expect(shouldRestart(policy("always"), { ...exit, exitCode: 0 })).toBe(true);
  expect(shouldRestart(policy("unless-stopped"), { ...exit, manuallyStopped: true })).toBe(false);
  expect(shouldRestart(policy("on-failure"), { ...exit, exitCode: 0 })).toBe(false);
  expect(shouldRestart(policy("on-failure", 2), { ...exit, restartCount: 2 })).toBe(false);
  const delays: number[] = [];
  for (let delay = 0, round = 0; round < 12; round++) {
    delay = nextDelay(delay, 0);
    delays.push(delay);
  }
  expect(delays.slice(0, 4)).toEqual([100, 200, 400, 800]);
  expect(delays.at(-1)).toBe(60_000);
  expect(nextDelay(60_000, 10_000)).toBe(100);
});

test("log options", () => {
  const check = (Config: Record<string, string>) => validateLogConfig({ Type: "json-file", Config });
  check({ "max-size": "10m", "max-file": "3", compress: "true", tag: "{{.Name}}", labels: "a,b" });
  for (const bad of [
    { "max-size": "zz" },
    { "max-size": "-1" },
    { "max-file": "0" },
    { "max-file": "3" },
    { compress: "true" },
    { "max-size": "1m", compress: "zz" },
  ]) {
    expect(() => check(bad as Record<string, string>)).toThrow();
  }
});

test("the words of docker ps", () => {
  expect(
    [
      0.5,
      1,
      59,
      60,
      119,
      120,
      3599,
      3600,
      7200,
      47 * 3600,
      48 * 3600,
      15 * 86400,
      61 * 86400,
      800 * 86400,
    ].map(humanDuration),
  ).toEqual([
    "Less than a second",
    "1 second",
    "59 seconds",
    "About a minute",
    "About a minute",
    "2 minutes",
    "59 minutes",
    "About an hour",
    "2 hours",
    "47 hours",
    "2 days",
    "2 weeks",
    "2 months",
    "2 years",
  ]);
});

test("ps output is cut to the container's processes", () => {
  const output =
    "UID          PID    PPID  C STIME TTY          TIME CMD\nroot           1       0  0 17:00 ?        00:00:01 init\nroot          42       1  0 17:01 ?        00:00:00 sleep 10 20\n";
  expect(parsePs(output, new Set([42]))).toEqual({
    Titles: ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"],
    Processes: [["root", "42", "1", "0", "17:01", "?", "00:00:00", "sleep 10 20"]],
  });
  expect(() => parsePs("USER COMMAND\nroot x\n", new Set())).toThrow("Couldn't find PID field in ps output");
});

test("network counters", () => {
  const text =
    "Inter-|   Receive\n face |bytes\n    lo:  1 1 0 0 0 0 0 0  1 1 0 0 0 0 0 0\n  eth0: 100 2 3 4 0 0 0 0 200 5 6 7 0 0 0 0\n";
  expect(parseNetDev(text)).toEqual({
    eth0: {
      rx_bytes: 100,
      rx_packets: 2,
      rx_errors: 3,
      rx_dropped: 4,
      tx_bytes: 200,
      tx_packets: 5,
      tx_errors: 6,
      tx_dropped: 7,
    },
  });
  expect(parseNetDev("a\nb\n")).toBeUndefined();
});

describe("ps filters", () => {
  const list = async (bench: EngineBench, filters: Record<string, string[]>) =>
    (
      await bench.containers.list({
        all: true,
        limit: 0,
        size: false,
        filters: new Filters(Object.entries(filters)),
      })
    ).map((each) => each.Names[0]);

  test("find what they say", async () => {
    await using bench = new EngineBench();
    await bench.run(["sleep"], {
      name: "one",
      config: { Labels: { a: "b" } },
      host: { Binds: ["vol:/data"] },
    });
    const two = await bench.run(["exit", "3"], { name: "two", host: { NetworkMode: "net1" } });
    await bench.wait("two");
    await bench.create(["sleep"], { name: "three" });
    expect(await list(bench, {})).toEqual(["/three", "/two", "/one"]);
    expect(await list(bench, { name: ["t"] })).toEqual(["/three", "/two"]);
    expect(await list(bench, { name: ["^/two$"] })).toEqual(["/two"]);
    expect(await list(bench, { id: [two.slice(0, 5)] })).toEqual(["/two"]);
    expect(await list(bench, { status: ["running", "created"] })).toEqual(["/three", "/one"]);
    expect(await list(bench, { exited: ["3"] })).toEqual(["/two"]);
    expect(await list(bench, { label: ["a=b"] })).toEqual(["/one"]);
    expect(await list(bench, { volume: ["vol"] })).toEqual(["/one"]);
    expect(await list(bench, { network: ["net1"] })).toEqual(["/two"]);
    expect(await list(bench, { before: ["two"] })).toEqual(["/one"]);
    expect(await list(bench, { since: ["two"] })).toEqual(["/three"]);
    expect(await list(bench, { ancestor: ["bb"] })).toHaveLength(3);
    expect(await list(bench, { ancestor: ["none"] })).toEqual([]);
    await expect(list(bench, { status: ["x"] })).rejects.toThrow("Invalid filter 'status=x'");
    await expect(list(bench, { before: ["x"] })).rejects.toThrow("no such container x");
    await expect(list(bench, { exited: ["x"] })).rejects.toThrow('strconv.Atoi: parsing "x": invalid syntax');
    const last = await bench.containers.list({ all: false, limit: 1, size: true, filters: new Filters() });
    expect(last).toMatchObject([{ Names: ["/three"], SizeRw: 7, SizeRootFs: 107, Status: "Created" }]);
  });
});
