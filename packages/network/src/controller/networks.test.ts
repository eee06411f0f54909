import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Filters, type NetworkCreateRequest } from "@berth/api";
import { getLink, NETLINK_ROUTE, NetlinkSocket } from "@berth/linux";
import { bridgeAddresses, ensureBridge } from "../bridge/bridge.ts";
import { container, create, failure, links, noFilters, subnetOf, TestHost } from "../testing/test-host.ts";
import { OPTION } from "./options.ts";

let host: TestHost;
beforeEach(() => {
  host = new TestHost();
});
afterEach(() => host[Symbol.dispose]());

describe("the predefined networks", () => {
  test("are there, and stay the same over restarts", () => {
    const controller = host.start();
    const all = controller.list(noFilters);
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
    expect(host.start().list(noFilters)).toEqual(all);
  });

  test("cannot be removed or made again", async () => {
    const controller = host.start();
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
    host.start();
    const moved = host.start({
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
    const { sandbox } = await host.run(moved, request);
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

    const pools = host.start({ bridge: "other0", hostGateway: "198.51.100.1" });
    expect(pools.hostGateway()).toBe("198.51.100.1");
    const without = host.start({ bridge: "none" });
    expect(without.list(noFilters).map((network) => network.Name)).toEqual(["none", "host"]);
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
    expect(host.start({ bridge: "mine0" }).inspect("bridge").IPAM.Config).toEqual([
      { Subnet: "172.17.0.0/16", Gateway: "172.17.0.9" },
    ]);
    host.forgetState();
    expect(subnetOf(host.start(), "bridge")).toBe("172.18.0.0/16");
    expect(() => host.start({ bridge: "lo" })).toThrow("existing interface lo is not a bridge");
  });
});

describe("user-defined networks", () => {
  test("are made, found, inspected, listed and removed", async () => {
    const controller = host.start();
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
    expect(readdirSync(join(host.folder, "dns"))).toEqual([]);
  });

  test("have the addresses and options that were asked", async () => {
    const controller = host.start();
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
    const { sandbox } = await host.run(controller, container("c", ["n4"], [{ hostPortFirst: 80 }]));
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
    const controller = host.start();
    const { Id: id } = await controller.create(
      create({ Name: "n1", Options: { [OPTION.bridgeName]: "mine0" } }),
    );
    const fail = (more: Partial<NetworkCreateRequest>) =>
      failure(controller.create(create({ Name: "x", ...more })));
    expect(await fail({ Name: " " })).toBe("invalid-parameter: invalid name:  ");
    expect(await fail({ Driver: "nosuch" })).toBe('not-found: plugin "nosuch" not found');
    expect(await fail({ Driver: "host" })).toBe('forbidden: only one instance of "host" network is allowed');
    expect(await fail({ Driver: "macvlan" })).toContain("not-implemented");
    expect(await fail({ Driver: "overlay" })).toContain("This node is not a swarm manager.");
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
    expect(controller.list(noFilters)).toHaveLength(4);
    expect(links()).toEqual(["lo", "berth0", "mine0"]);
    // The addresses of what failed are free again.
    await controller.create(create({ Name: "n2" }));
    expect(subnetOf(controller, "n2")).toBe("172.19.0.0/16");
  });

  test("in use stay; prune takes the others", async () => {
    const controller = host.start();
    const { Id: id } = await controller.create(create({ Name: "used" }));
    for (const name of ["free", "kept"])
      await controller.create(create({ Name: name, Labels: name === "kept" ? { keep: "1" } : null }));
    const request = container("web", ["used"]);
    await host.run(controller, request);
    expect(await failure(controller.remove("used"))).toBe(
      `forbidden: error while removing network: network used id ${id} has active endpoints`,
    );
    expect(controller.inspect("used").Containers[request.containerId]).toMatchObject({
      Name: "web",
      IPv4Address: "172.18.0.2/16",
      IPv6Address: "",
      MacAddress: "02:42:ac:12:00:02",
    });
    expect(await controller.prune(noFilters, undefined, 0)).toEqual({ NetworksDeleted: null });
    const seen: string[] = [];
    const report = await controller.prune(new Filters([["label!", ["keep"]]]), (network) =>
      seen.push(network.name),
    );
    expect([report.NetworksDeleted, seen]).toEqual([["free"], ["free"]]);
    await controller.release(request.containerId);
    expect((await controller.prune(noFilters)).NetworksDeleted).toEqual(["used", "kept"]);
  });
});

describe("configuration networks", () => {
  test("are settings that others are made from", async () => {
    const controller = host.start();
    const IPAM = { Driver: "", Options: null, Config: [{ Subnet: "10.9.0.0/24" }] };
    const Options = { [OPTION.mtu]: "1300" };
    await controller.create(create({ Name: "cfg", ConfigOnly: true, IPAM, Options, Labels: { a: "b" } }));
    expect(controller.inspect("cfg")).toMatchObject({
      Driver: "null",
      ConfigOnly: true,
      Options,
      IPAM: { Config: [{ Subnet: "10.9.0.0/24" }] },
    });
    const from = (more = {}) =>
      controller.create(create({ Name: "made", ConfigFrom: { Network: "cfg" }, ...more }));
    for (const [more, text] of [
      [{ Options: { x: "y" } }, "network driver options are not supported"],
      [{ Labels: { x: "y" } }, "user specified configurations are not supported"],
      [{ IPAM }, "user specified configurations are not supported"],
      [{ ConfigOnly: true }, "a configuration network cannot depend on another configuration network"],
      [{ ConfigFrom: { Network: "bridge" } }, 'configuration network "bridge" does not exist'],
    ] as const)
      expect(await failure(from(more))).toContain(text);
    expect(
      await failure(controller.create(create({ Name: "x", ConfigOnly: true, Internal: true }))),
    ).toContain("configuration network can only contain network specific fields");
    await from({ Internal: true });
    expect(controller.inspect("made")).toMatchObject({
      Driver: "bridge",
      ConfigFrom: { Network: "cfg" },
      ConfigOnly: false,
      Internal: true,
      Options,
      Labels: { a: "b" },
    });
    expect(subnetOf(controller, "made")).toBe("10.9.0.0/24");
    expect(await failure(controller.allocate(container("c", ["cfg"])))).toBe(
      "forbidden: cannot create endpoint on configuration-only network",
    );
    expect(await failure(controller.remove("cfg"))).toBe(
      'forbidden: error while removing network: configuration network "cfg" is in use',
    );
    const again = host.start();
    expect((await again.prune(noFilters)).NetworksDeleted).toEqual(["made"]);
    await again.remove("cfg");
  });
});

test("inhibit_ipv4 leaves the bridge without an address", async () => {
  const controller = host.start();
  await controller.create(
    create({ Name: "net", Options: { [OPTION.inhibitIpv4]: "true", [OPTION.bridgeName]: "brq" } }),
  );
  expect(bridgeAddresses("brq")).toEqual([]);
  const { plan } = await controller.allocate(container("c", ["net"]));
  expect(plan.endpoints[0]?.gateways).toEqual(["172.18.0.1"]);
  host.start();
  expect(bridgeAddresses("brq")).toEqual([]);
});
