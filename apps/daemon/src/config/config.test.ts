import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArguments } from "./arguments.ts";
import { helpText } from "./help.ts";
import { loadConfig, reloadConfig } from "./load.ts";
import { OPTION_LIST } from "./options.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "berth-config-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function withFile(content: unknown, ...argv: string[]) {
  const path = join(directory, `${Math.random().toString(36).slice(2)}.json`);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  const load = () => loadConfig(parseArguments(["--config-file", path, ...argv]));
  const prefix = `unable to configure the Docker daemon with file ${path}: `;
  return { path, load, prefix };
}

const load = (...argv: string[]) => withFile({}, ...argv).load();

test("flags in every form that pflag knows", () => {
  const config = load(
    ...["-D", "-H", "unix:///a", "-Hunix:///b", "--host=tcp://1.2.3.4:5", "--label", "a=b", "--label=c=d"],
    ...["--icc=false", "-l", "warn", "--mtu", "1400", "--default-shm-size=1.5m", "-p=/x/pid"],
  );
  expect(config).toMatchObject({
    debug: true,
    hosts: ["unix:///a", "unix:///b", "tcp://1.2.3.4:5"],
    labels: ["a=b", "c=d"],
    icc: false,
    logLevel: "warn",
    mtu: 1400,
    defaultShmSize: 1_572_864,
    pidfile: "/x/pid",
    dataRoot: "/var/lib/berth",
    ip: "0.0.0.0",
  });
});

test("wrong flags, in pflag's words", () => {
  for (const [argv, sentence] of [
    [["--bogus"], "unknown flag: --bogus"],
    [["-x"], "unknown shorthand flag: 'x' in -x"],
    [["-Dx"], "unknown shorthand flag: 'x' in -Dx"],
    [["--mtu"], "flag needs an argument: --mtu"],
    [["-H"], "flag needs an argument: 'H' in -H"],
    [
      ["--mtu", "abc"],
      'invalid argument "abc" for "--mtu" flag: strconv.ParseInt: parsing "abc": invalid syntax',
    ],
    [
      ["--debug=x"],
      'invalid argument "x" for "-D, --debug" flag: strconv.ParseBool: parsing "x": invalid syntax',
    ],
    [["--label", "abc"], 'invalid argument "abc" for "--label" flag: bad attribute format: abc'],
    [["--dns", "abc"], 'invalid argument "abc" for "--dns" flag: abc is not an ip address'],
    [
      ["--add-runtime", "foo"],
      'invalid argument "foo" for "--add-runtime" flag: invalid runtime argument: foo',
    ],
    [
      ["--add-runtime", "runc=x"],
      `invalid argument "runc=x" for "--add-runtime" flag: runtime name 'runc' is reserved`,
    ],
    [
      ["--default-shm-size", "abc"],
      `invalid argument "abc" for "--default-shm-size" flag: invalid size: 'abc'`,
    ],
    [
      ["--log-level", "bogus"],
      'invalid argument "bogus" for "-l, --log-level" flag: unable to parse logging level: bogus',
    ],
    [
      ["--default-ulimit", "nofile=abc"],
      'invalid argument "nofile=abc" for "--default-ulimit" flag: strconv.ParseInt: parsing "abc": invalid syntax',
    ],
    [
      ["--default-address-pool", "base=10.0.0.0/8,size=4"],
      'invalid argument "base=10.0.0.0/8,size=4" for "--default-address-pool" flag: invalid pools size: 4',
    ],
    [
      ["-H", "foo://x"],
      'invalid argument "foo://x" for "-H, --host" flag: invalid bind address format: foo://x',
    ],
    [["--bip", "abc"], 'invalid argument "abc" for "--bip" flag: invalid CIDR address: abc'],
    [["extra"], '"berth daemon" accepts no arguments.'],
    [["--", "extra"], '"berth daemon" accepts no arguments.'],
  ] as const) {
    expect(() => parseArguments(argv)).toThrow(new Error(sentence));
  }
});

test("special kinds: runtimes, ulimits, pools, log options", () => {
  expect(
    load(
      ...[
        "--add-runtime",
        "Fast=/usr/bin/crun",
        "--default-ulimit",
        "nofile=1024:2048",
        "--default-ulimit",
        "core=0",
      ],
      ...[
        "--default-address-pool",
        "base=10.1.0.0/16,size=24",
        "--log-opt",
        "max-size=10m",
        "--log-opt",
        "tag=x",
      ],
    ),
  ).toMatchObject({
    runtimes: { fast: { path: "/usr/bin/crun", arguments: [] } },
    defaultUlimits: {
      nofile: { Name: "nofile", Soft: 1024, Hard: 2048 },
      core: { Name: "core", Soft: 0, Hard: 0 },
    },
    defaultAddressPools: [{ base: "10.1.0.0/16", size: 24 }],
    logOptions: { "max-size": "10m", tag: "x" },
  });
});

test("daemon.json gives the same settings", () => {
  const { load } = withFile({
    debug: true,
    hosts: ["unix:///a"],
    labels: ["a=b"],
    runtimes: { fast: { path: "/usr/bin/crun", runtimeArgs: ["--debug"] } },
    "default-ulimits": { nofile: { Name: "nofile", Soft: 1, Hard: 2 } },
    "default-address-pools": [{ base: "10.1.0.0/16", size: 24 }],
    "default-shm-size": "64M",
    "log-opts": { "max-size": "10m" },
    "live-restore": true,
    features: { buildkit: true, "containerd-snapshotter": false },
    builder: {
      gc: {
        enabled: true,
        policy: [
          { keepStorage: "1GB", filter: ["unused-for=48h", "type=source.local"] },
          { all: true, maxUsedSpace: 5, filter: { type: { regular: true } } },
        ],
      },
    },
  });
  expect(load()).toMatchObject({
    debug: true,
    hosts: ["unix:///a"],
    runtimes: { fast: { path: "/usr/bin/crun", arguments: ["--debug"] } },
    defaultUlimits: { nofile: { Name: "nofile", Soft: 1, Hard: 2 } },
    defaultAddressPools: [{ base: "10.1.0.0/16", size: 24 }],
    defaultShmSize: 64 << 20,
    logOptions: { "max-size": "10m" },
    liveRestore: true,
    features: { buildkit: true },
    buildCollection: [
      { all: false, keepStorage: 1 << 30, filters: { "unused-for": ["48h"], type: ["source.local"] } },
      { all: true, keepStorage: 0, maxUsedSpace: 5, filters: { type: ["regular"] } },
    ],
  });
});

test("the same setting as flag and in the file is refused; runtimes add up", () => {
  const { load, prefix } = withFile(
    { debug: true, labels: ["a=b"], mtu: 1400, icc: true },
    ...["--label", "c=d", "--debug", "--mtu", "1300"],
  );
  expect(load).toThrow(
    new Error(
      `${prefix}the following directives are specified both as a flag and in the configuration file: ` +
        "debug: (from flag: true, from file: true), labels: (from flag: [c=d], from file: [a=b]), " +
        "mtu: (from flag: 1300, from file: 1400)",
    ),
  );
  const both = withFile({ runtimes: { a: { path: "/a" } } }, "--add-runtime", "b=/b").load();
  expect(Object.keys(both.runtimes)).toEqual(["a", "b"]);
});

test("wrong files, in dockerd's words", () => {
  for (const [content, reason] of [
    [
      { debug: true, foo: 1, bar: { baz: 2 } },
      "the following directives don't match any configuration option: foo, baz",
    ],
    [{ debug: "x" }, "json: cannot unmarshal string into Go struct field Config.debug of type bool"],
    ['{"debug":', "unexpected EOF"],
    ["", "EOF"],
    [{ "userns-remap": "default" }, undefined],
    [{ features: { "containerd-snapshotter": true } }, undefined],
    [{ builder: { gc: { policies: [] } } }, "builder.gc: policies is not supported by berth yet"],
    [{ builder: { gc: { policy: 1 } } }, "builder.gc.policy must be a list"],
  ] as const) {
    const { load, prefix } = withFile(content);
    if (reason === undefined) expect(load).toThrow("is not supported by berth yet");
    else expect(load).toThrow(new Error(prefix + reason));
  }
  const missing = join(directory, "none.json");
  expect(() => loadConfig({ configFile: missing })).toThrow(
    new Error(
      `unable to configure the Docker daemon with file ${missing}: open ${missing}: no such file or directory`,
    ),
  );
});

test("settings that do not work yet are refused, never ignored; their default is taken", () => {
  for (const [, { flag, kind, fallback, supported }] of OPTION_LIST) {
    if (supported || flag === "") continue;
    if (typeof fallback === "string" || typeof fallback === "number" || typeof fallback === "boolean") {
      expect(() => load(`--${flag}=${kind.show(fallback)}`)).not.toThrow();
    }
  }
  expect(() => load("--userns-remap", "default")).toThrow(
    "--userns-remap (userns-remap) is not supported by berth yet",
  );
  expect(() => load("--ip6tables=false")).toThrow("is not supported by berth yet");
  expect(() => load("--authorization-plugin", "x")).toThrow("is not supported by berth yet");
});

test("options of new networks", () => {
  const flags = ["bridge=a.b=1", "bridge=c=x=y", "other=d="].flatMap((each) => [
    "--default-network-opt",
    each,
  ]);
  const expected = { bridge: { "a.b": "1", c: "x=y" }, other: { d: "" } };
  expect(load(...flags).defaultNetworkOpts).toEqual(expected);
  expect(() => load("--default-network-opt", "bridge=a")).toThrow("it must be driver=option=value");
  expect(() => load("--iptables=false", "--icc=false")).toThrow(
    "You specified --iptables=false with --icc=false",
  );
  expect(load("--iptables=false", "--userland-proxy=false")).toMatchObject({
    iptables: false,
    userlandProxy: false,
  });
});

test("IPv6 of the default bridge needs a subnet", () => {
  expect(() => load("--ipv6")).toThrow("Specify an IPv6 subnet using --fixed-cidr-v6");
  expect(load("--ipv6", "--fixed-cidr-v6", "fd00::/64")).toMatchObject({
    ipv6: true,
    fixedCidrV6: "fd00::/64",
  });
});

test("labels that contradict each other", () => {
  expect(() => load("--label", "a=b", "--label", "a=c")).toThrow(
    new Error("conflict labels for a=c and a=b"),
  );
});

test("reload takes over what is reloadable and nothing else", () => {
  const { path } = withFile({ debug: false, labels: ["a=b"], mtu: 1400 });
  const flags = parseArguments(["--config-file", path]);
  const before = loadConfig(flags);
  writeFileSync(path, JSON.stringify({ debug: true, labels: ["c=d"], mtu: 1300 }));
  expect(reloadConfig(before, flags)).toEqual({ ...before, debug: true, labels: ["c=d"] });
  writeFileSync(path, "{");
  expect(() => reloadConfig(before, flags)).toThrow("unexpected EOF");
});

test("the help names every flag", () => {
  const help = helpText();
  for (const [, { flag }] of OPTION_LIST) if (flag !== "") expect(help).toContain(`--${flag}`);
});
