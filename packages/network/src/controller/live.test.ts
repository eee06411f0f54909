import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import {
  addAddress,
  addVeth,
  CLONE,
  deleteAddress,
  getLink,
  listLinks,
  listRoutes,
  NETLINK_ROUTE,
  type NetlinkBatch,
  NetlinkSocket,
  runNft,
  setLink,
  unshare,
} from "@berth/linux";
import { addressBytes, addressFromBytes, formatAddress, parseAddress } from "../address/ip.ts";
import { createSandbox, type NetworkSandbox } from "../sandbox/sandbox.ts";
import { writeSysctl } from "../sandbox/sysctl.ts";
import { listenAt, probeTcp } from "../testing/probe.ts";
import { container, create, failure, here, inside, subnetOf, TestHost } from "../testing/test-host.ts";
import { OPTION } from "./options.ts";
import type { NetworkSettings } from "./settings.ts";

let host: TestHost;
beforeEach(() => {
  host = new TestHost();
});
afterEach(() => host[Symbol.dispose]());

describe("running containers", () => {
  test("are connected and disconnected", async () => {
    const controller = host.start();
    for (const name of ["one", "two"]) await controller.create(create({ Name: name }));
    const request = container("web", ["one"], [{ hostPortFirst: 8080 }]);
    const { made, sandbox } = await host.run(controller, request);
    const server = listenAt(inside(made), "0.0.0.0", 80);
    host.keep(server);
    const connect = (network: string, more = {}) =>
      controller.connect(request.containerId, { network, ...more }, request.ports);
    const live = await connect("two", { aliases: ["w"] });
    expect(live.plan).toMatchObject({ containerInterface: "eth1", gateways: [] });
    expect(live.ports).toBeUndefined();
    expect(live.dns?.zoneFiles).toHaveLength(3);
    made.connectEndpoint(live.plan);
    const two = controller.lookUp("two").id;
    expect(host.zone(two)?.hosts[0]?.names.slice(0, 2)).toEqual(["web", "w"]);
    expect(await failure(connect("two"))).toBe(
      "forbidden: endpoint with name web already exists in network two",
    );
    expect(probeTcp(here, "127.0.0.1", 8080, server)).toBe("172.18.0.1");

    const gone = await controller.disconnect(request.containerId, "one");
    expect([gone.network.name, gone.endpointId]).toEqual(["one", sandbox.endpoints[0]!.endpointId]);
    expect(gone.gateways).toEqual([{ endpointId: live.plan.endpointId, gateways: ["172.19.0.1"] }]);
    made.disconnectEndpoint(gone.endpointId, gone.gateways);
    // The ports moved with the way out.
    expect(gone.ports?.map((port) => port.containerAddress)).toEqual(["172.19.0.2", "172.19.0.2"]);
    expect(probeTcp(here, "127.0.0.1", 8080, server)).toBe("172.19.0.1");
    expect(host.zone(controller.lookUp("one").id)?.hosts).toEqual([]);
    expect(await failure(controller.disconnect(request.containerId, "one"))).toBe(
      `system: container ${request.containerId} is not connected to network one`,
    );
    await controller.remove("one");
    const last = await controller.disconnect(request.containerId, "two");
    expect([last.dns, last.ports, last.gateways]).toEqual([undefined, [], []]);
    expect(probeTcp(here, "127.0.0.1", 8080, sandbox.ports[0]!.fd)).toBe("127.0.0.1");
    expect(controller.endpointsOf(request.containerId)).toEqual([]);
    for (const { fd } of sandbox.ports) host.close(fd);
    const back = await connect("bridge");
    expect([back.plan.gateways, back.plan.containerInterface, back.dns]).toEqual([
      ["172.17.0.1"],
      "eth0",
      undefined,
    ]);
    expect(back.ports?.map(({ hostAddress, hostPort }) => `${hostAddress} ${hostPort}`)).toEqual([
      "0.0.0.0 8080",
      ":: 8080",
    ]);
    expect(back.resolvConf).toBe("nameserver 192.0.2.53\n");
    await controller.release(request.containerId);
  });

  test("reach the world by the network that Docker chooses, for each family", async () => {
    const controller = host.start();
    for (const name of ["b", "m"]) await controller.create(create({ Name: name }));
    for (const name of ["y", "z"]) {
      const IPAM = { Driver: "", Options: null, Config: [{ Subnet: `fd00:${name.charCodeAt(0)}::/64` }] };
      await controller.create(create({ Name: name, EnableIPv6: true, EnableIPv4: name === "z", IPAM }));
    }
    await controller.create(create({ Name: "a", Internal: true }));
    const request = container("web", ["m"], [{ hostPortFirst: 8080 }]);
    const { made } = await host.run(controller, request);
    const defaults = () =>
      inside(made)(() => {
        using socket = NetlinkSocket.open(NETLINK_ROUTE);
        return listRoutes(socket)
          .filter((route) => route.prefixLength === 0 && route.gateway !== undefined)
          .map((route) => formatAddress(addressFromBytes(route.gateway!)));
      });
    const gatewayOf = (name: string) => controller.inspect(name).IPAM.Config!.map(({ Gateway }) => Gateway);
    const connect = async (network: string, gatewayPriority = 0) => {
      const live = await controller.connect(request.containerId, { network, gatewayPriority }, request.ports);
      made.connectEndpoint(live.plan);
      return live;
    };
    const disconnect = async (network: string) => {
      const gone = await controller.disconnect(request.containerId, network);
      made.disconnectEndpoint(gone.endpointId, gone.gateways);
    };
    const [m] = gatewayOf("m");
    const [b] = gatewayOf("b");
    const [y] = gatewayOf("y");
    await connect("a");
    expect(defaults()).toEqual([m!]);
    // By name.
    const first = await connect("b");
    expect(defaults()).toEqual([b!]);
    expect(first.ports?.map((port) => port.containerAddress.replace(/\d+$/, "1"))).toEqual([b!, b!]);
    await connect("y");
    expect(defaults()).toEqual([b!, y!]);
    // One with both families comes before.
    await connect("z");
    expect(defaults()).toEqual(gatewayOf("z") as string[]);
    expect(
      controller.portsOf(request.containerId).map((port) => port.containerAddress.includes(":")),
    ).toEqual([false, true]);
    await disconnect("z");
    expect(defaults()).toEqual([b!, y!]);
    await disconnect("m");
    await connect("m", 1);
    expect(defaults()).toEqual([m!, y!]);
    await disconnect("y");
    expect(defaults()).toEqual([m!]);
  });
});

describe("a daemon that starts again", () => {
  test("keeps what runs and drops the rest", async () => {
    const first = host.start();
    await first.create(create({ Name: "net", Labels: { x: "y" } }));
    const lives = container("lives", ["net"], [{ hostPortFirst: 8080 }]);
    const died = container("died", ["net", "bridge"], [{ hostPortFirst: 8081 }]);
    const { made, sandbox } = await host.run(first, lives);
    const dead = await host.run(first, died);
    const server = listenAt(inside(made), "0.0.0.0", 80);
    host.keep(server);
    for (const { fd } of dead.sandbox.ports) host.close(fd);
    const inspected = first.inspect("net");

    runNft("flush ruleset");
    const second = host.start({}, [lives.containerId]);
    expect(second.inspect("net")).toEqual({
      ...inspected,
      Containers: { [lives.containerId]: inspected.Containers[lives.containerId]! },
    });
    expect(second.endpointsOf(lives.containerId)).toEqual(sandbox.endpoints);
    expect(second.endpointsOf(died.containerId)).toBeUndefined();
    expect(probeTcp(here, "127.0.0.1", 8080, server)).toBe("172.18.0.1");
    expect(host.zone(second.lookUp("net").id)?.hosts.map((host) => host.names[0])).toEqual(["lives"]);
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
    const next = await host.run(second, container("next", ["net", "bridge"], [{ hostPortFirst: 8081 }]));
    expect(next.sandbox.endpoints.map((endpoint) => endpoint.ipAddress)).toEqual([
      "172.18.0.3",
      "172.17.0.2",
    ]);
    expect(await failure(second.remove("net"))).toContain("has active endpoints");
  });

  test("makes bridges again after a reboot, and repairs those that others changed", async () => {
    const first = host.start();
    await first.create(create({ Name: "net" }));
    const device = `br-${first.lookUp("net").id.slice(0, 12)}`;
    using netlink = NetlinkSocket.open(NETLINK_ROUTE);
    const { index, mac } = getLink(netlink, device);
    const batch = netlink.batch();
    deleteAddress(batch, { index, address: addressBytes(parseAddress("172.18.0.1")!), prefixLength: 16 });
    setLink(batch, index, { up: false });
    netlink.run(batch);
    const second = host.start();
    expect(getLink(netlink, device).up).toBe(true);
    expect(subnetOf(second, "net")).toBe("172.18.0.0/16");

    unshare(CLONE.NEWNET);
    using fresh = NetlinkSocket.open(NETLINK_ROUTE);
    const third = host.start();
    expect(getLink(fresh, device).mac).toEqual(mac);
    expect(getLink(fresh, "berth0").up).toBe(true);
    const { made } = await host.run(third, container("c", ["net"]));
    const server = listenAt(inside(made), "0.0.0.0", 80);
    host.keep(server);
    expect(probeTcp(here, "172.18.0.2", 80, server)).toBe("172.18.0.1");
  });

  /** As `iptables -S` tells it. */
  const forwardRules = (command = "iptables-nft") =>
    Bun.spawnSync([command, "-S", "FORWARD"]).stdout.toString().trim().split("\n");
  const iptables = (...options: string[]) => {
    for (const command of ["iptables-nft", "ip6tables-nft"])
      expect(Bun.spawnSync([command, "-w", ...options]).exitCode).toBe(0);
  };
  const into = (name: string) => `-A FORWARD -o ${name} -j ACCEPT`;
  const answers = (name: string) =>
    `-A FORWARD -o ${name} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`;
  const out = (name: string) => `-A FORWARD -i ${name} -j ACCEPT`;

  test("beside what Docker left: a filter that drops what it does not know", async () => {
    iptables("-P", "FORWARD", "DROP");
    iptables("-N", "DOCKER-USER");
    iptables("-A", "FORWARD", "-j", "DOCKER-USER");
    const controller = host.start();
    await controller.create(create({ Name: "net" }));
    const device = `br-${controller.lookUp("net").id.slice(0, 12)}`;
    const docker = ["-A FORWARD -j DOCKER-USER", "-P FORWARD DROP"];
    const all = [...docker, into("berth0"), out("berth0"), into(device), out(device)].sort();
    for (const command of ["iptables-nft", "ip6tables-nft"])
      expect(forwardRules(command).sort()).toEqual(all);
    host.start();
    expect(forwardRules().sort()).toEqual(all);
    const { made } = await host.run(controller, container("web", ["bridge"], [{ hostPortFirst: 8080 }]));
    const other = await host.run(controller, container("other", ["net"]));
    const server = listenAt(inside(made), "0.0.0.0", 80);
    host.keep(server);
    expect(probeTcp(inside(other.made), "172.17.0.1", 8080, server)).toBe("172.18.0.2");
    expect(probeTcp(inside(other.made), "172.17.0.2", 80, server)).toBe("dropped");
    await controller.release(Object.keys(controller.inspect("net").Containers)[0]!);
    await controller.remove("net");
    expect(forwardRules().sort()).toEqual([...docker, into("berth0"), out("berth0")].sort());
  });

  test("beside a firewall of the host: it decides who comes in from outside, unless it is bypassed", async () => {
    iptables("-P", "FORWARD", "DROP");
    for (const chain of ["ufw-before-forward", "ufw-user-forward"]) {
      iptables("-N", chain);
      iptables("-A", "FORWARD", "-j", chain);
    }
    const outside = createSandbox({ mode: "none", endpoints: [] });
    using netlink = NetlinkSocket.open(NETLINK_ROUTE);
    joinLan(netlink, outside);
    const controller = host.start();
    const { made } = await host.run(controller, container("web", ["bridge"], [{ hostPortFirst: 8080 }]));
    const server = listenAt(inside(made), "0.0.0.0", 80);
    host.keep(server);
    const beyond = listenAt(inside(outside), "0.0.0.0", 81);
    host.keep(beyond);
    expect(
      forwardRules()
        .filter((rule) => rule.includes("berth0"))
        .sort(),
    ).toEqual([answers("berth0"), out("berth0")].sort());
    expect(probeTcp(inside(made), "192.0.2.9", 81, beyond)).toBe("192.0.2.1");
    expect(probeTcp(here, "192.0.2.1", 8080, server)).toBe("192.0.2.1");
    expect(probeTcp(inside(outside), "192.0.2.1", 8080, server)).toBe("dropped");
    // What `ufw route allow proto tcp to any port 80` adds.
    iptables("-A", "ufw-user-forward", "-p", "tcp", "--dport", "80", "-j", "ACCEPT");
    expect(probeTcp(inside(outside), "192.0.2.1", 8080, server)).toBe("192.0.2.9");
    iptables("-F", "ufw-user-forward");

    host.start({ bypassHostFirewall: true }, [...Object.keys(controller.inspect("bridge").Containers)]);
    expect(
      forwardRules()
        .filter((rule) => rule.includes("berth0"))
        .sort(),
    ).toEqual([into("berth0"), out("berth0")].sort());
    expect(probeTcp(inside(outside), "192.0.2.1", 8080, server)).toBe("192.0.2.9");
    // Open again: nothing of ours is needed there.
    iptables("-F", "FORWARD");
    iptables("-P", "FORWARD", "ACCEPT");
    host.start();
    expect(forwardRules()).toEqual(["-P FORWARD ACCEPT"]);
    outside[Symbol.dispose]();
  });

  test("what others do to the packet filter meanwhile is mended", async () => {
    const controller = host.start();
    using _watch = controller.watch();
    const { made } = await host.run(controller, container("web", ["bridge"], [{ hostPortFirst: 8080 }]));
    const server = listenAt(inside(made), "0.0.0.0", 80);
    host.keep(server);
    runNft("flush ruleset");
    iptables("-P", "FORWARD", "DROP");
    iptables("-N", "ufw-before-forward");
    iptables("-A", "FORWARD", "-j", "ufw-before-forward");
    const mended = () => forwardRules().includes(out("berth0"));
    for (const end = Date.now() + 20_000; !mended() && Date.now() < end; ) await Bun.sleep(20);
    expect(forwardRules()).toContain(answers("berth0"));
    expect(probeTcp(here, "127.0.0.1", 8080, server)).toBe("172.17.0.1");
  }, 30_000);
});

/** Makes the sandbox a machine of the host's LAN: 192.0.2.9, the host is 192.0.2.1. */
function joinLan(netlink: NetlinkSocket, machine: NetworkSandbox): void {
  const run = (socket: NetlinkSocket, write: (batch: NetlinkBatch) => void) => {
    const batch = socket.batch();
    write(batch);
    socket.run(batch);
  };
  const address = (text: string) => addressBytes(parseAddress(text)!);
  run(netlink, (batch) =>
    addVeth(batch, { name: "lan0", up: true }, { name: "eth0", namespaceFd: machine.namespace! }),
  );
  run(netlink, (batch) =>
    addAddress(batch, {
      index: getLink(netlink, "lan0").index,
      address: address("192.0.2.1"),
      prefixLength: 24,
    }),
  );
  machine.inside(() => {
    using inner = NetlinkSocket.open(NETLINK_ROUTE);
    const { index } = getLink(inner, "eth0");
    run(inner, (batch) => {
      setLink(batch, index, { up: true });
      addAddress(batch, { index, address: address("192.0.2.9"), prefixLength: 24 });
    });
  });
  // Before, what is sent is lost.
  while (!getLink(netlink, "lan0").operational) {}
}

describe("as the daemon is told", () => {
  const start = async (settings: Partial<NetworkSettings>) => {
    const controller = host.start(settings);
    const request = container("web", ["bridge"], [{ hostPortFirst: 8080, hostAddress: "0.0.0.0" }]);
    const { made, sandbox } = await host.run(controller, request);
    const server = listenAt(inside(made), "0.0.0.0", 80);
    host.keep(server);
    return { controller, made, server, socket: sandbox.ports[0]!.fd, plan: sandbox.plan };
  };

  test("--userland-proxy=false: a container reaches its own port by the bridge", async () => {
    const { made, server, plan, controller } = await start({ userlandProxy: false });
    const other = await controller.allocate(container("other", ["bridge"], [{}]));
    expect(other.ports.map((port) => host.keep(port.fd) && port.hostAddress)).toEqual(["0.0.0.0"]);
    expect([plan.holdPorts, plan.endpoints[0]?.hairpin]).toEqual([true, true]);
    for (const [from, client] of [
      [here, "172.17.0.1"],
      [inside(made), "172.17.0.1"],
    ] as const)
      expect(probeTcp(from, "172.17.0.1", 8080, server)).toBe(client);
  });

  test("--iptables=false: no rules, and what the rules would guard is not opened", async () => {
    host.start();
    const { server, socket } = await start({ packetFilter: false });
    expect(runNft("list tables")).not.toContain("berth-");
    expect(readFileSync("/proc/sys/net/ipv4/conf/berth0/route_localnet", "utf8")).toBe("0\n");
    // The host's socket is reached: the shim's proxy brings it on.
    expect(probeTcp(here, "127.0.0.1", 8080, socket)).toBe("127.0.0.1");
    expect(probeTcp(here, "172.17.0.2", 80, server)).toBe("172.17.0.1");
  });

  test("--default-network-opt, --mtu and --ip", async () => {
    const { controller } = await start({
      mtu: 1400,
      bindAddress: "127.0.0.1",
      defaultOptions: { bridge: { [OPTION.hostBinding]: "127.0.0.2" }, other: { x: "y" } },
    });
    await controller.create(create({ Name: "net", Options: { [OPTION.mtu]: "1300" } }));
    await controller.create(create({ Name: "open", Options: { [OPTION.hostBinding]: "0.0.0.0" } }));
    expect(controller.inspect("net").Options).toEqual({
      [OPTION.hostBinding]: "127.0.0.2",
      [OPTION.mtu]: "1300",
    });
    const facts = async (network: string) => {
      const { plan, ports } = await controller.allocate(container(network, [network], [{}]));
      for (const { fd } of ports) host.keep(fd);
      return [plan.endpoints[0]?.mtu, ports[0]?.hostAddress];
    };
    expect(await facts("bridge")).toEqual([1400, "127.0.0.1"]);
    expect(await facts("net")).toEqual([1300, "127.0.0.2"]);
    expect(await facts("open")).toEqual([1500, "0.0.0.0"]);
  });
});

test("a link opens its ports where containers do not reach each other otherwise", async () => {
  const controller = host.start({ icc: false });
  const target = container("db", ["bridge"]);
  const { made: db } = await host.run(controller, target);
  const request = container("app", ["bridge"]);
  const { made: app } = await host.run(controller, {
    ...request,
    linked: [{ address: "172.17.0.2", protocol: "tcp", port: 80 }],
  });
  const { made: stranger } = await host.run(controller, container("stranger", ["bridge"]));
  const [open, closed] = [80, 81].map((port) => host.keep(listenAt(inside(db), "0.0.0.0", port)));
  const back = host.keep(listenAt(inside(app), "0.0.0.0", 80));
  expect(probeTcp(inside(app), "172.17.0.2", 80, open!)).toBe("172.17.0.3");
  expect(probeTcp(inside(app), "172.17.0.2", 81, closed!)).toBe("dropped");
  expect(probeTcp(inside(stranger), "172.17.0.2", 80, open!)).toBe("dropped");
  expect(probeTcp(inside(db), "172.17.0.3", 80, back)).toBe("dropped");
  host.start({ icc: false }, [request.containerId, target.containerId]);
  expect(probeTcp(inside(app), "172.17.0.2", 80, open!)).toBe("172.17.0.3");
  controller.relink(request.containerId, [{ address: "172.17.0.2", protocol: "tcp", port: 81 }]);
  expect(probeTcp(inside(app), "172.17.0.2", 81, closed!)).toBe("172.17.0.3");
  expect(probeTcp(inside(app), "172.17.0.2", 80, open!)).toBe("dropped");
  await controller.release(request.containerId);
  expect(probeTcp(inside(app), "172.17.0.2", 81, closed!)).toBe("dropped");
});

test("icc=false works with and without filtering of bridged frames", async () => {
  for (const filtered of ["1", "0"]) {
    writeSysctl("net.bridge.bridge-nf-call-iptables", filtered);
    const controller = host.start();
    await controller.create(create({ Name: "quiet", Options: { [OPTION.icc]: "false" } }));
    const requests = [container("a", ["quiet"]), container("b", ["quiet"])];
    const [a, b] = await Promise.all(requests.map((request) => host.run(controller, request)));
    const server = listenAt(inside(a!.made), "0.0.0.0", 80);
    host.keep(server);
    expect(a!.sandbox.plan.endpoints[0]?.isolated).toBe(filtered === "0");
    expect(probeTcp(inside(b!.made), a!.sandbox.endpoints[0]!.ipAddress, 80, server)).toBe("dropped");
    expect(probeTcp(here, a!.sandbox.endpoints[0]!.ipAddress, 80, server)).not.toBe("dropped");
    for (const request of requests) await controller.release(request.containerId);
    await controller.remove("quiet");
  }
});
