import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Filters, type NetworkCreateRequest } from "@berth/api";
import { type ErrorKind, isKind, newId } from "@berth/base";
import {
  AF,
  bind,
  CLONE,
  close,
  deleteAddress,
  getLink,
  listen,
  listLinks,
  NETLINK_ROUTE,
  NetlinkSocket,
  O,
  open,
  runNft,
  SOCK,
  setLink,
  setns,
  socket,
  unshare,
} from "@berth/linux";
import { openState, type State } from "@berth/state";
import { addressBytes, parseAddress } from "../address/ip.ts";
import { ensureBridge } from "../bridge/bridge.ts";
import { parseZone } from "../dns/zone.ts";
import type { ConnectRequest, EndpointRequest, PortRequest, Sandbox } from "../networks.ts";
import { createSandbox, type NetworkSandbox } from "../sandbox/sandbox.ts";
import { writeSysctl } from "../sandbox/sysctl.ts";
import { type Inside, listenAt, probeTcp } from "../testing/probe.ts";
import { NetworkController } from "./controller.ts";
import { OPTION } from "./options.ts";
import { defaultNetworkSettings, type NetworkSettings } from "./settings.ts";

let before = -1;
let folder = "";
let state: State;
let open_: NetworkSandbox[] = [];
let fds: number[] = [];

/** Each test has a host of its own: a network namespace, in which this thread stays until the test ends. */
beforeEach(() => {
  before = open("/proc/thread-self/ns/net", O.RDONLY);
  unshare(CLONE.NEWNET);
  using netlink = NetlinkSocket.open(NETLINK_ROUTE);
  const batch = netlink.batch();
  setLink(batch, 1, { up: true });
  netlink.run(batch);
  folder = mkdtempSync(join(tmpdir(), "berth-network-"));
  state = openState(join(folder, "state.db"));
});

afterEach(() => {
  for (const sandbox of open_) sandbox[Symbol.dispose]();
  for (const fd of fds) close(fd);
  open_ = [];
  fds = [];
  state.close();
  rmSync(folder, { recursive: true });
  setns(before, CLONE.NEWNET);
  close(before);
});

function start(settings: Partial<NetworkSettings> = {}, live: string[] = []): NetworkController {
  const controller = new NetworkController(state, {
    ...defaultNetworkSettings(folder, "berth0"),
    ...settings,
  });
  controller.restore(live);
  return controller;
}

function create(more: Partial<NetworkCreateRequest> & { Name: string }): NetworkCreateRequest {
  return {
    Driver: "",
    Scope: "",
    IPAM: null,
    Internal: false,
    Attachable: false,
    Ingress: false,
    ConfigOnly: false,
    ConfigFrom: null,
    Options: null,
    Labels: null,
    ...more,
  };
}

function container(
  name: string,
  endpoints: (string | EndpointRequest)[],
  ports: Partial<PortRequest>[] = [],
): ConnectRequest {
  return {
    containerId: newId(),
    containerName: name,
    hostname: `host-${name}`,
    endpoints: endpoints.map((each) => (typeof each === "string" ? { network: each } : each)),
    ports: ports.map((each) => ({
      protocol: "tcp",
      containerPort: 80,
      hostAddress: "",
      hostPortFirst: 0,
      hostPortLast: each.hostPortFirst ?? 0,
      ...each,
    })),
    dns: { servers: ["192.0.2.53"], search: [], options: [] },
  };
}

/** Starts a container: its sandbox as the shim would make it. */
async function run(
  controller: NetworkController,
  request: ConnectRequest,
): Promise<{ sandbox: Sandbox; made: NetworkSandbox }> {
  const sandbox = await controller.allocate(request);
  fds.push(...sandbox.ports.map((port) => port.fd));
  const made = createSandbox(sandbox.plan);
  open_.push(made);
  await controller.publish(request.containerId);
  return { sandbox, made };
}

async function failure(action: Promise<unknown> | (() => unknown)): Promise<string> {
  try {
    await (typeof action === "function" ? action() : action);
  } catch (error) {
    const kinds: ErrorKind[] = [
      "invalid-parameter",
      "forbidden",
      "conflict",
      "not-found",
      "not-implemented",
      "system",
    ];
    return `${kinds.find((kind) => isKind(error, kind))}: ${(error as Error).message}`;
  }
  throw new Error("it did not fail");
}

const inside =
  (sandbox: NetworkSandbox): Inside =>
  (action) =>
    sandbox.inside(action);
const here: Inside = (action) => action();
const none = new Filters();

const links = () => {
  using netlink = NetlinkSocket.open(NETLINK_ROUTE);
  return listLinks(netlink)
    .map((link) => link.name)
    .filter((name) => !name.startsWith("veth"));
};
const zone = (id: string) => parseZone(readFileSync(join(folder, "dns", id), "utf8"));
const subnetOf = (controller: NetworkController, name: string) =>
  controller.inspect(name).IPAM.Config?.[0]?.Subnet;

describe("the predefined networks", () => {
  test("are there, and stay the same over restarts", () => {
    const controller = start();
    const all = controller.list(none);
    expect(all.map((network) => [network.Name, network.Driver])).toEqual([
      ["none", "null"],
      ["host", "host"],
      ["bridge", "bridge"],
    ]);
    const bridge = controller.inspect("bridge");
    expect(bridge).toMatchObject({
      Scope: "local",
      EnableIPv6: false,
      IPAM: {
        Driver: "default",
        Options: null,
        Config: [{ Subnet: "172.17.0.0/16", Gateway: "172.17.0.1" }],
      },
      Internal: false,
      Containers: {},
      Options: {
        [OPTION.defaultBridge]: "true",
        [OPTION.icc]: "true",
        [OPTION.masquerade]: "true",
        [OPTION.hostBinding]: "0.0.0.0",
        [OPTION.bridgeName]: "berth0",
        [OPTION.mtu]: "1500",
      },
      Labels: {},
    });
    expect(controller.inspect("host")).toMatchObject({ Driver: "host", IPAM: { Config: [] }, Options: {} });
    expect(controller.hostGateway()).toBe("172.17.0.1");
    expect(readFileSync("/proc/sys/net/ipv4/ip_forward", "utf8")).toBe("1\n");
    expect(links()).toEqual(["lo", "berth0"]);
    expect(start().list(none)).toEqual(all);
  });

  test("cannot be removed or made again", async () => {
    const controller = start();
    expect(await failure(controller.remove("bridge"))).toBe(
      "forbidden: bridge is a pre-defined network and cannot be removed",
    );
    for (const name of ["bridge", "host", "none", "default"]) {
      expect(await failure(controller.create(create({ Name: name })))).toBe(
        `forbidden: operation is not permitted on predefined ${name} network `,
      );
    }
  });

  test("follow the flags", async () => {
    start();
    const moved = start({
      bip: "10.77.0.5/24",
      mtu: 1400,
      icc: false,
      masquerade: false,
      bindAddress: "127.0.0.1",
      fixedCidr: "10.77.0.64/28",
    });
    expect(moved.inspect("bridge")).toMatchObject({
      IPAM: { Config: [{ Subnet: "10.77.0.0/24", IPRange: "10.77.0.64/28", Gateway: "10.77.0.5" }] },
      Options: {
        [OPTION.icc]: "false",
        [OPTION.mtu]: "1400",
        [OPTION.hostBinding]: "127.0.0.1",
        [OPTION.masquerade]: "false",
      },
    });
    const request = container("c", ["bridge"], [{ hostPortFirst: 8080 }]);
    const { sandbox } = await run(moved, request);
    expect(sandbox.endpoints[0]).toMatchObject({
      ipAddress: "10.77.0.64",
      gateway: "10.77.0.5",
      ipPrefixLength: 24,
    });
    expect(sandbox.ports.map((port) => port.hostAddress)).toEqual(["127.0.0.1"]);
    expect(sandbox.plan.endpoints[0]?.mtu).toBe(1400);
    using netlink = NetlinkSocket.open(NETLINK_ROUTE);
    expect(getLink(netlink, "berth0").mtu).toBe(1400);
    await moved.release(request.containerId);

    const pools = start({ bridge: "other0", hostGateway: "198.51.100.1" });
    expect(pools.hostGateway()).toBe("198.51.100.1");
    const without = start({ bridge: "none" });
    expect(without.list(none).map((network) => network.Name)).toEqual(["none", "host"]);
    expect(await failure(() => without.lookUp("bridge"))).toBe("not-found: network bridge not found");
    expect(await failure(() => without.hostGateway())).toContain("not-found");
  });

  test("the default bridge uses a device that exists, and avoids the host's networks", () => {
    ensureBridge({
      name: "mine0",
      mtu: 1500,
      mac: "02:42:00:00:00:01",
      addresses: ["172.17.0.9/16"],
      routeLoopback: false,
    });
    expect(start({ bridge: "mine0" }).inspect("bridge").IPAM.Config).toEqual([
      { Subnet: "172.17.0.0/16", Gateway: "172.17.0.9" },
    ]);
    state.close();
    rmSync(join(folder, "state.db"));
    state = openState(join(folder, "state.db"));
    expect(subnetOf(start(), "bridge")).toBe("172.18.0.0/16");
    expect(() => start({ bridge: "lo" })).toThrow("existing interface lo is not a bridge");
  });
});

describe("user-defined networks", () => {
  test("are made, found, inspected, listed and removed", async () => {
    const controller = start();
    const { Id: id, Warning } = await controller.create(
      create({ Name: "n1", Labels: { a: "1" }, Attachable: true }),
    );
    expect(Warning).toBe("");
    expect(links()).toEqual(["lo", "berth0", `br-${id.slice(0, 12)}`]);
    expect(controller.inspect(id.slice(0, 8))).toMatchObject({
      Name: "n1",
      Id: id,
      Driver: "bridge",
      IPAM: {
        Driver: "default",
        Options: null,
        Config: [{ Subnet: "172.18.0.0/16", Gateway: "172.18.0.1" }],
      },
      Attachable: true,
      Labels: { a: "1" },
      Options: {},
    });
    expect(controller.lookUp("n1")).toEqual({ id, name: "n1", driver: "bridge", userDefined: true });
    const named = (filters: Record<string, string[]>) =>
      controller.list(new Filters(Object.entries(filters))).map((network) => network.Name);
    expect(named({ type: ["custom"] })).toEqual(["n1"]);
    expect(named({ type: ["builtin"] })).toEqual(["none", "host", "bridge"]);
    expect(named({ driver: ["bridge"] })).toEqual(["bridge", "n1"]);
    expect(named({ label: ["a=1"] })).toEqual(["n1"]);
    expect(named({ label: ["b"] })).toEqual([]);
    expect(named({ name: ["n"], dangling: ["true"] })).toEqual(["n1"]);
    expect(named({ id: [id.slice(0, 5)] })).toEqual(["n1"]);
    expect(named({ scope: ["swarm"] })).toEqual([]);
    expect(await failure(() => named({ type: ["x"] }))).toBe("invalid-parameter: invalid filter: 'type'='x'");
    expect(await failure(controller.create(create({ Name: "n1" })))).toBe(
      "conflict: network with name n1 already exists",
    );
    expect((await controller.remove("n1")).id).toBe(id);
    expect(links()).toEqual(["lo", "berth0"]);
    expect(await failure(controller.remove("n1"))).toBe("not-found: network n1 not found");
    expect(readdirSync(join(folder, "dns"))).toEqual([]);
  });

  test("have the addresses and options that were asked", async () => {
    const controller = start();
    await controller.create(
      create({
        Name: "n4",
        Driver: "bridge",
        EnableIPv6: true,
        Internal: true,
        Options: { [OPTION.bridgeName]: "own0", [OPTION.mtu]: "1300" },
        IPAM: {
          Driver: "default",
          Options: {},
          Config: [
            { Subnet: "fd00:9::/64", Gateway: "fd00:9::5" },
            {
              Subnet: "10.4.0.0/16",
              IPRange: "10.4.5.0/24",
              Gateway: "10.4.0.254",
              AuxiliaryAddresses: { x: "10.4.5.0" },
            },
          ],
        },
      }),
    );
    expect(controller.inspect("n4")).toMatchObject({
      EnableIPv6: true,
      Internal: true,
      IPAM: {
        Options: {},
        Config: [
          {
            Subnet: "10.4.0.0/16",
            IPRange: "10.4.5.0/24",
            Gateway: "10.4.0.254",
            AuxiliaryAddresses: { x: "10.4.5.0" },
          },
          { Subnet: "fd00:9::/64", Gateway: "fd00:9::5" },
        ],
      },
    });
    const { sandbox } = await run(controller, container("c", ["n4"], [{ hostPortFirst: 80 }]));
    expect(sandbox.endpoints[0]).toMatchObject({
      ipAddress: "10.4.5.1",
      gateway: "",
      globalIPv6Address: "fd00:9::1",
      globalIPv6PrefixLength: 64,
      mac: "02:42:0a:04:05:01",
    });
    // No way out: no default route, no published ports, no names of the world.
    expect([sandbox.plan.endpoints[0]?.gateways, sandbox.ports, sandbox.plan.dns?.upstreams]).toEqual([
      [],
      [],
      [],
    ]);
    expect(sandbox.plan.endpoints[0]).toMatchObject({ bridge: "own0", mtu: 1300 });
    expect(readFileSync("/proc/sys/net/ipv6/conf/all/forwarding", "utf8")).toBe("1\n");
    await controller.create(create({ Name: "six", EnableIPv6: true }));
    expect(controller.inspect("six").IPAM.Config?.[1]?.Subnet).toMatch(/^fd[0-9a-f:]+\/64$/);
  });

  test("that cannot be made leave nothing", async () => {
    const controller = start();
    const { Id: id } = await controller.create(
      create({ Name: "n1", Options: { [OPTION.bridgeName]: "mine0" } }),
    );
    const fail = (more: Partial<NetworkCreateRequest>) =>
      failure(controller.create(create({ Name: "x", ...more })));
    expect(await fail({ Name: " " })).toBe("invalid-parameter: invalid name:  ");
    expect(await fail({ Driver: "nosuch" })).toBe('not-found: plugin "nosuch" not found');
    expect(await fail({ Driver: "host" })).toBe('forbidden: only one instance of "host" network is allowed');
    expect(await fail({ Driver: "overlay" })).toContain("not-implemented");
    expect(await fail({ Scope: "swarm" })).toBe(
      "forbidden: cannot create a swarm scoped network when swarm is not active",
    );
    expect(await fail({ IPAM: { Driver: "nosuch", Options: null, Config: null } })).toBe(
      'not-found: plugin "nosuch" not found',
    );
    const pool = (config: { Subnet?: string; Gateway?: string }[]) =>
      fail({ IPAM: { Driver: "", Options: null, Config: config } });
    expect(await pool([{ Subnet: "172.18.3.0/24" }])).toBe(
      "forbidden: Pool overlaps with other one on this address space",
    );
    expect(await pool([{ Gateway: "10.0.0.1" }])).toBe(
      "invalid-parameter: Invalid subnet  : invalid CIDR address: ",
    );
    expect(await pool([{ Subnet: "10.5.0.0/16" }, { Subnet: "10.6.0.0/16" }])).toBe(
      "forbidden: bridge driver doesn't support multiple subnets",
    );
    expect(await fail({ Options: { [OPTION.bridgeName]: "lo" } })).toBe(
      "system: existing interface lo is not a bridge",
    );
    expect(await fail({ Options: { [OPTION.bridgeName]: "mine0" } })).toMatch(
      new RegExp(
        `^forbidden: cannot create network [0-9a-f]{64} \\(mine0\\): conflicts with network ${id} \\(mine0\\): networks have same bridge name$`,
      ),
    );
    expect(controller.list(none)).toHaveLength(4);
    expect(links()).toEqual(["lo", "berth0", "mine0"]);
    // The addresses of what failed are free again.
    await controller.create(create({ Name: "n2" }));
    expect(subnetOf(controller, "n2")).toBe("172.19.0.0/16");
  });

  test("in use stay; prune takes the others", async () => {
    const controller = start();
    const { Id: id } = await controller.create(create({ Name: "used" }));
    for (const name of ["free", "kept"])
      await controller.create(create({ Name: name, Labels: name === "kept" ? { keep: "1" } : null }));
    const request = container("web", ["used"]);
    await run(controller, request);
    expect(await failure(controller.remove("used"))).toBe(
      `forbidden: error while removing network: network used id ${id} has active endpoints`,
    );
    expect(controller.inspect("used").Containers[request.containerId]).toMatchObject({
      Name: "web",
      IPv4Address: "172.18.0.2/16",
      IPv6Address: "",
      MacAddress: "02:42:ac:12:00:02",
    });
    expect(await controller.prune(none, undefined, 0)).toEqual({ NetworksDeleted: null });
    const seen: string[] = [];
    const report = await controller.prune(new Filters([["label!", ["keep"]]]), (network) =>
      seen.push(network.name),
    );
    expect([report.NetworksDeleted, seen]).toEqual([["free"], ["free"]]);
    await controller.release(request.containerId);
    expect((await controller.prune(none)).NetworksDeleted).toEqual(["used", "kept"]);
  });
});

describe("containers", () => {
  test("on the default network", async () => {
    const controller = start();
    const request = container(
      "web",
      ["bridge"],
      [{ hostPortFirst: 8080 }, { protocol: "udp", containerPort: 53 }],
    );
    const { sandbox, made } = await run(controller, request);
    expect(sandbox.endpoints).toEqual([
      {
        networkName: "bridge",
        networkId: controller.lookUp("bridge").id,
        endpointId: expect.stringMatching(/^[0-9a-f]{64}$/),
        gateway: "172.17.0.1",
        ipAddress: "172.17.0.2",
        ipPrefixLength: 16,
        ipv6Gateway: "",
        globalIPv6Address: "",
        globalIPv6PrefixLength: 0,
        mac: "02:42:ac:11:00:02",
        aliases: [],
        dnsNames: [],
      },
    ]);
    expect(controller.endpointsOf(request.containerId)).toEqual(sandbox.endpoints);
    expect(
      sandbox.ports.map(
        (port) =>
          `${port.protocol} ${port.hostAddress} ${port.hostPort} ${port.containerAddress}:${port.containerPort}`,
      ),
    ).toEqual([
      "tcp 0.0.0.0 8080 172.17.0.2:80",
      "tcp :: 8080 172.17.0.2:80",
      "udp 0.0.0.0 32768 172.17.0.2:53",
      "udp :: 32768 172.17.0.2:53",
    ]);
    expect([sandbox.resolvConf, sandbox.plan.dns]).toEqual(["nameserver 192.0.2.53\n", undefined]);
    const server = listenAt(inside(made), "0.0.0.0", 80);
    fds.push(server);
    expect(probeTcp(here, "127.0.0.1", 8080, server)).toBe("172.17.0.1");
    expect(probeTcp(inside(made), "172.17.0.1", 8080, sandbox.ports[0]!.fd)).toBe("172.17.0.2");
    expect(await failure(controller.allocate(request))).toContain("conflict");

    const second = container("second", ["bridge"], [{ hostPortFirst: 9090 }, { hostPortFirst: 8080 }]);
    expect(await failure(controller.allocate(second))).toMatch(
      /^system: driver failed programming external connectivity on endpoint second \([0-9a-f]{64}\): Bind for 0\.0\.0\.0:8080 failed: port is already allocated$/,
    );
    await controller.release(request.containerId);
    await controller.release(request.containerId);
    expect(probeTcp(here, "127.0.0.1", 8080, sandbox.ports[0]!.fd)).toBe("127.0.0.1");
    for (const { fd } of sandbox.ports) close(fds.splice(fds.indexOf(fd), 1)[0]!);
    // Everything is free again, the port of the failed start included.
    const { sandbox: again } = await run(controller, second);
    expect([again.endpoints[0]?.ipAddress, again.ports[0]?.hostPort]).toEqual(["172.17.0.2", 9090]);
  });

  test("a port of another program", async () => {
    const fd = socket(AF.INET, SOCK.STREAM);
    fds.push(fd);
    bind(fd, { family: "inet", address: "0.0.0.0", port: 8081 });
    listen(fd);
    expect(await failure(start().allocate(container("c", ["bridge"], [{ hostPortFirst: 8081 }])))).toContain(
      "): Error starting userland proxy: listen tcp4 0.0.0.0:8081: bind: address already in use",
    );
  });

  test("find each other by name on user-defined networks", async () => {
    const controller = start();
    const { Id: id } = await controller.create(create({ Name: "net" }));
    const web = container("web", [
      { network: "net", aliases: ["www", "www"], links: ["db:database"], mac: "02-42-00-00-00-AA" },
    ]);
    const { sandbox } = await run(controller, web);
    expect(sandbox.endpoints[0]).toMatchObject({
      mac: "02:42:00:00:00:aa",
      aliases: ["www"],
      dnsNames: ["web", "www", web.containerId.slice(0, 12), "host-web"],
    });
    expect(sandbox.resolvConf).toBe("nameserver 127.0.0.11\noptions ndots:0\n");
    expect(sandbox.plan.dns).toEqual({
      zoneFiles: [join(folder, "dns", web.containerId), join(folder, "dns", id)],
      upstreams: ["192.0.2.53"],
      insideUpstreams: [],
      search: [],
      options: [],
    });
    const db = container("db", ["net"]);
    db.dns.servers = ["127.0.0.1", "10.0.0.1"];
    const second = await run(controller, db);
    expect(second.sandbox.plan.dns?.insideUpstreams).toEqual(["127.0.0.1"]);
    expect(zone(id)).toEqual({
      network: "net",
      hosts: [
        { names: ["web", "www", web.containerId.slice(0, 12), "host-web"], addresses: ["172.18.0.2"] },
        { names: ["db", db.containerId.slice(0, 12), "host-db"], addresses: ["172.18.0.3"] },
      ],
    });
    expect(zone(web.containerId)).toEqual({ network: "", hosts: [], links: { database: "db" } });
    controller.rename(db.containerId, "store");
    expect(zone(id)?.hosts[1]?.names[0]).toBe("store");
    expect(controller.inspect("net").Containers[db.containerId]?.Name).toBe("store");
    await controller.release(web.containerId);
    expect(zone(id)?.hosts.map((host) => host.names[0])).toEqual(["store"]);
    expect(readdirSync(join(folder, "dns"))).toEqual([id]);
  });

  test("ask for what cannot be", async () => {
    const controller = start();
    await controller.create(create({ Name: "auto" }));
    await controller.create(
      create({ Name: "own", IPAM: { Driver: "", Options: null, Config: [{ Subnet: "10.4.0.0/29" }] } }),
    );
    const fail = (...endpoints: (string | EndpointRequest)[]) =>
      failure(controller.allocate(container("c", endpoints)));
    expect(await fail("nosuch")).toBe("not-found: network nosuch not found");
    expect(await fail({ network: "bridge", ipv4: "172.17.0.9" })).toBe(
      "invalid-parameter: user specified IP address is supported on user defined networks only",
    );
    expect(await fail({ network: "bridge", aliases: ["x"] })).toBe(
      "invalid-parameter: network-scoped alias is supported only for containers in user defined networks",
    );
    expect(await fail({ network: "auto", ipv4: "172.18.0.9" })).toBe(
      "invalid-parameter: user specified IP address is supported only when connecting to networks with user configured subnets",
    );
    expect(await fail({ network: "own", ipv4: "10.9.0.1" })).toBe(
      "invalid-parameter: Invalid address 10.9.0.1: It does not belong to any of this network's subnets",
    );
    expect(await fail({ network: "own", ipv4: "10.4.0.1" })).toBe("forbidden: Address already in use");
    expect(await fail({ network: "own", ipv6: "fd00::1" })).toContain("user configured subnets");
    expect(await fail({ network: "own", mac: "x" })).toBe("invalid-parameter: invalid MAC address: x");
    expect(await fail("auto", "auto")).toBe("forbidden: endpoint with name c already exists in network auto");
    expect(await fail("host", "auto")).toContain("container cannot be disconnected from host network");
    expect(await fail("auto", "none")).toContain("private (none) mode");
    for (const last of [2, 3, 4, 5, 6]) {
      const sandbox = await controller.allocate(container(`c${last}`, ["own"]));
      expect(sandbox.endpoints[0]?.ipAddress).toBe(`10.4.0.${last}`);
    }
    expect(await fail("auto", "own")).toBe(
      `system: no available IPv4 addresses on this network's address pools: own (${controller.lookUp("own").id})`,
    );
    // What was taken of the other network was given back.
    expect((await controller.allocate(container("d", ["auto"]))).endpoints[0]?.ipAddress).toBe("172.18.0.2");
    expect(await failure(controller.connect("nosuch", { network: "auto" }))).toContain("not-found");
    expect(() => controller.validateEndpoint({ network: "auto" }, [controller.lookUp("host").id])).toThrow(
      "container sharing network namespace with another container or host cannot be connected to any other network",
    );
  });

  test("in the host's network, in none, and in no network at all", async () => {
    const controller = start();
    const host = await controller.allocate(container("h", ["host"], [{ hostPortFirst: 80 }]));
    expect([host.plan, host.ports, host.endpoints[0]?.ipAddress]).toEqual([
      { mode: "host", endpoints: [] },
      [],
      "",
    ]);
    expect(host.endpoints[0]?.networkName).toBe("host");
    const alone = await controller.allocate(container("n", ["none"]));
    expect(alone.plan).toEqual({ mode: "none", endpoints: [] });
    expect(Object.values(controller.inspect("none").Containers)[0]).toMatchObject({
      Name: "n",
      IPv4Address: "",
    });
    expect((await controller.allocate(container("x", []))).plan.mode).toBe("none");
  });

  test("the way out is by priority, then by name, never by an internal network", async () => {
    const controller = start();
    for (const name of ["b", "a", "z"])
      await controller.create(create({ Name: name, Internal: name === "a" }));
    const carrier = async (...endpoints: (string | EndpointRequest)[]) => {
      const { plan, ports } = await controller.allocate(container("c", endpoints, [{}]));
      for (const { fd } of ports) close(fd);
      const index = plan.endpoints.findIndex((endpoint) => endpoint.gateways.length > 0);
      expect(plan.endpoints.filter((endpoint) => endpoint.gateways.length > 0).length).toBeLessThan(2);
      expect(ports.map((port) => port.containerAddress)).toEqual(
        index < 0 ? [] : Array(2).fill(plan.endpoints[index]!.addresses[0]!.split("/")[0]),
      );
      return index;
    };
    expect(await carrier("z", "a", "b")).toBe(2);
    expect(await carrier("z", { network: "b", gatewayPriority: -1 }, "bridge")).toBe(2);
    expect(await carrier({ network: "z", gatewayPriority: 1 }, "b")).toBe(0);
    expect(await carrier("a")).toBe(-1);
  });
});

test("an endpoint's own interface name and sysctls", async () => {
  const controller = start({ ipv6: true });
  expect(controller.inspect("bridge").IPAM.Config?.[1]?.Subnet).toMatch(/^fd.*\/64$/);
  expect(start({ ipv6: true }).inspect("bridge").IPAM.Config).toEqual(
    controller.inspect("bridge").IPAM.Config,
  );
  const option = (key: string, value: string) => ({ [`com.docker.network.endpoint.${key}`]: value });
  const driverOptions = {
    ...option("ifname", "wan.1"),
    ...option("sysctls", "net.ipv4.conf.IFNAME.log_martians=1,net.ipv4.neigh.IFNAME.gc_stale_time=77"),
  };
  const { made } = await run(controller, container("c", [{ network: "bridge", driverOptions }]));
  const read = (path: string) => made.inside(() => readFileSync(`/proc/sys/net/ipv4/${path}`, "utf8"));
  expect([read("conf/wan.1/log_martians"), read("neigh/wan.1/gc_stale_time")]).toEqual(["1\n", "77\n"]);
  for (const wrong of [
    option("ifname", "lo"),
    option("ifname", "a/b"),
    option("sysctls", "kernel.x=1"),
    option("sysctls", "net.ipv4.conf.IFNAME.x"),
  ]) {
    expect(
      await failure(controller.allocate(container("d", [{ network: "bridge", driverOptions: wrong }]))),
    ).toContain("invalid-parameter");
  }
});

describe("running containers", () => {
  test("are connected and disconnected", async () => {
    const controller = start();
    for (const name of ["one", "two"]) await controller.create(create({ Name: name }));
    const request = container("web", ["one"], [{ hostPortFirst: 8080 }]);
    const { made, sandbox } = await run(controller, request);
    const server = listenAt(inside(made), "0.0.0.0", 80);
    fds.push(server);
    const live = await controller.connect(request.containerId, { network: "two", aliases: ["w"] });
    expect(live.plan).toMatchObject({
      containerInterface: "eth1",
      gateways: [],
      spareGateways: ["172.19.0.1"],
    });
    expect(live.dns?.zoneFiles).toHaveLength(3);
    made.connectEndpoint(live.plan);
    const two = controller.lookUp("two").id;
    expect(zone(two)?.hosts[0]?.names.slice(0, 2)).toEqual(["web", "w"]);
    expect(await failure(controller.connect(request.containerId, { network: "two" }))).toBe(
      "forbidden: endpoint with name web already exists in network two",
    );
    expect(probeTcp(here, "127.0.0.1", 8080, server)).toBe("172.18.0.1");

    const gone = await controller.disconnect(request.containerId, "one");
    expect([gone.network.name, gone.endpointId]).toEqual(["one", sandbox.endpoints[0]!.endpointId]);
    expect(made.disconnectEndpoint(gone.endpointId)).toEqual({
      from: ["172.18.0.2/16"],
      to: ["172.19.0.2/16"],
    });
    // The ports moved with the way out.
    expect(probeTcp(here, "127.0.0.1", 8080, server)).toBe("172.19.0.1");
    expect(zone(controller.lookUp("one").id)?.hosts).toEqual([]);
    expect(await failure(controller.disconnect(request.containerId, "one"))).toBe(
      `system: container ${request.containerId} is not connected to network one`,
    );
    await controller.remove("one");
    const last = await controller.disconnect(request.containerId, "two");
    expect(last.dns).toBeUndefined();
    expect(probeTcp(here, "127.0.0.1", 8080, sandbox.ports[0]!.fd)).toBe("127.0.0.1");
    expect(controller.endpointsOf(request.containerId)).toEqual([]);
    const back = await controller.connect(request.containerId, { network: "bridge" });
    expect([back.plan.gateways, back.plan.containerInterface, back.dns]).toEqual([
      ["172.17.0.1"],
      "eth0",
      undefined,
    ]);
    expect(back.resolvConf).toBe("nameserver 192.0.2.53\n");
    await controller.release(request.containerId);
  });
});

describe("a daemon that starts again", () => {
  test("keeps what runs and drops the rest", async () => {
    const first = start();
    await first.create(create({ Name: "net", Labels: { x: "y" } }));
    const lives = container("lives", ["net"], [{ hostPortFirst: 8080 }]);
    const died = container("died", ["net", "bridge"], [{ hostPortFirst: 8081 }]);
    const { made, sandbox } = await run(first, lives);
    const dead = await run(first, died);
    const server = listenAt(inside(made), "0.0.0.0", 80);
    fds.push(server);
    for (const { fd } of dead.sandbox.ports) close(fds.splice(fds.indexOf(fd), 1)[0]!);
    const inspected = first.inspect("net");

    runNft("flush ruleset");
    const second = start({}, [lives.containerId]);
    expect(second.inspect("net")).toEqual({
      ...inspected,
      Containers: { [lives.containerId]: inspected.Containers[lives.containerId]! },
    });
    expect(second.endpointsOf(lives.containerId)).toEqual(sandbox.endpoints);
    expect(second.endpointsOf(died.containerId)).toBeUndefined();
    expect(probeTcp(here, "127.0.0.1", 8080, server)).toBe("172.18.0.1");
    expect(zone(second.lookUp("net").id)?.hosts.map((host) => host.names[0])).toEqual(["lives"]);
    using netlink = NetlinkSocket.open(NETLINK_ROUTE);
    expect(
      listLinks(netlink)
        .filter((link) => link.kind === "veth")
        .map((link) => link.name),
    ).toEqual([sandbox.plan.endpoints[0]!.hostInterface]);
    // Its address and port are taken, those of the other are free.
    expect(await failure(second.allocate(container("c", ["net"], [{ hostPortFirst: 8080 }])))).toContain(
      "port is already allocated",
    );
    const next = await run(second, container("next", ["net", "bridge"], [{ hostPortFirst: 8081 }]));
    expect(next.sandbox.endpoints.map((endpoint) => endpoint.ipAddress)).toEqual([
      "172.18.0.3",
      "172.17.0.2",
    ]);
    expect(await failure(second.remove("net"))).toContain("has active endpoints");
  });

  test("makes bridges again after a reboot, and repairs those that others changed", async () => {
    const first = start();
    await first.create(create({ Name: "net" }));
    const device = `br-${first.lookUp("net").id.slice(0, 12)}`;
    using netlink = NetlinkSocket.open(NETLINK_ROUTE);
    const { index, mac } = getLink(netlink, device);
    const batch = netlink.batch();
    deleteAddress(batch, { index, address: addressBytes(parseAddress("172.18.0.1")!), prefixLength: 16 });
    setLink(batch, index, { up: false });
    netlink.run(batch);
    const second = start();
    expect(getLink(netlink, device).up).toBe(true);
    expect(subnetOf(second, "net")).toBe("172.18.0.0/16");

    unshare(CLONE.NEWNET);
    using fresh = NetlinkSocket.open(NETLINK_ROUTE);
    const third = start();
    expect(getLink(fresh, device).mac).toEqual(mac);
    expect(getLink(fresh, "berth0").up).toBe(true);
    const { made } = await run(third, container("c", ["net"]));
    const server = listenAt(inside(made), "0.0.0.0", 80);
    fds.push(server);
    expect(probeTcp(here, "172.18.0.2", 80, server)).toBe("172.18.0.1");
  });

  test("beside a filter that drops what it does not know", async () => {
    // As Docker leaves iptables-nft.
    runNft(
      "table ip filter {\n chain FORWARD {\n type filter hook forward priority filter; policy drop;\n }\n}",
    );
    const controller = start();
    await controller.create(create({ Name: "net" }));
    const rules = () =>
      runNft("list chain ip filter FORWARD")
        .split("\n")
        .filter((line) => line.includes("accept"))
        .map((line) => line.trim().replace(/counter packets \d+ bytes \d+ /, ""));
    const device = `br-${controller.lookUp("net").id.slice(0, 12)}`;
    const both = (name: string) => [`iifname "${name}" accept`, `oifname "${name}" accept`];
    expect(rules().sort()).toEqual([...both("berth0"), ...both(device)].sort());
    start();
    expect(rules()).toHaveLength(4);
    const { made } = await run(controller, container("web", ["bridge"], [{ hostPortFirst: 8080 }]));
    const other = await run(controller, container("other", ["net"]));
    const server = listenAt(inside(made), "0.0.0.0", 80);
    fds.push(server);
    expect(probeTcp(inside(other.made), "172.17.0.1", 8080, server)).toBe("172.18.0.2");
    expect(probeTcp(inside(other.made), "172.17.0.2", 80, server)).toBe("dropped");
    await controller.release(Object.keys(controller.inspect("net").Containers)[0]!);
    await controller.remove("net");
    expect(rules().sort()).toEqual(both("berth0").sort());
  });
});

test("icc=false works with and without filtering of bridged frames", async () => {
  for (const filtered of ["1", "0"]) {
    writeSysctl("net.bridge.bridge-nf-call-iptables", filtered);
    const controller = start();
    await controller.create(create({ Name: "quiet", Options: { [OPTION.icc]: "false" } }));
    const requests = [container("a", ["quiet"]), container("b", ["quiet"])];
    const [a, b] = await Promise.all(requests.map((request) => run(controller, request)));
    const server = listenAt(inside(a!.made), "0.0.0.0", 80);
    fds.push(server);
    expect(a!.sandbox.plan.endpoints[0]?.isolated).toBe(filtered === "0");
    expect(probeTcp(inside(b!.made), a!.sandbox.endpoints[0]!.ipAddress, 80, server)).toBe("dropped");
    expect(probeTcp(here, a!.sandbox.endpoints[0]!.ipAddress, 80, server)).not.toBe("dropped");
    for (const request of requests) await controller.release(request.containerId);
    await controller.remove("quiet");
  }
});
