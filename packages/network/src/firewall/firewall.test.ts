import { expect, test } from "bun:test";
import {
  addAddress,
  addRoute,
  addVeth,
  CLONE,
  close,
  deleteAddress,
  getLink,
  insideNamespace,
  NETLINK_ROUTE,
  NetlinkSocket,
  runNft,
  setLink,
} from "@berth/linux";
import { addressBytes, parseAddress } from "../address/ip.ts";
import { ensureBridge } from "../bridge/bridge.ts";
import { createSandbox, type NetworkSandbox } from "../sandbox/sandbox.ts";
import { writeSysctl } from "../sandbox/sysctl.ts";
import type { PortSocket } from "../sandbox-plan.ts";
import { inNewNetwork } from "../testing/namespace.ts";
import { bindAt, type Inside, listenAt, probeTcp, probeUdp } from "../testing/probe.ts";
import { Firewall } from "./firewall.ts";
import type { FirewallNetwork } from "./model.ts";

const bytes = (text: string) => addressBytes(parseAddress(text)!);
const here: Inside = (action) => action();

interface World {
  firewall: Firewall;
  /** A machine of the host's LAN, 192.0.2.9; the host is 192.0.2.1 and fd00:2::1. */
  outside: Inside;
  container: (network: number, last: number) => NetworkSandbox;
  published: (container: NetworkSandbox, hostPort: number, more?: Partial<PortSocket>) => PortSocket;
}

/** A host with networks br1 172.21.0.0/16, br2 172.22.0.0/16, …, a LAN, and `bridge-nf-call-iptables` as told. */
function inWorld(
  networks: Partial<FirewallNetwork>[],
  bridgeNetfilter: boolean,
  action: (world: World) => void,
): void {
  inNewNetwork(() => {
    writeSysctl("net.ipv4.ip_forward", "1");
    writeSysctl("net.ipv6.conf.all.forwarding", "1");
    writeSysctl("net.bridge.bridge-nf-call-iptables", bridgeNetfilter ? "1" : "0");
    writeSysctl("net.bridge.bridge-nf-call-ip6tables", bridgeNetfilter ? "1" : "0");
    const open: NetworkSandbox[] = [];
    const lan = createSandbox({ mode: "none", endpoints: [] });
    open.push(lan);
    const outside: Inside = (inside) => insideNamespace(lan.namespace!, CLONE.NEWNET, inside);
    using socket = NetlinkSocket.open(NETLINK_ROUTE);
    let batch = socket.batch();
    addVeth(batch, { name: "lan0", up: true }, { name: "eth0", namespaceFd: lan.namespace! });
    socket.run(batch);
    const lan0 = getLink(socket, "lan0").index;
    batch = socket.batch();
    addAddress(batch, { index: lan0, address: bytes("192.0.2.1"), prefixLength: 24 });
    addAddress(batch, { index: lan0, address: bytes("fd00:2::1"), prefixLength: 64 });
    socket.run(batch);
    outside(() => {
      writeSysctl("net/ipv6/conf/eth0/disable_ipv6", "0");
      using inner = NetlinkSocket.open(NETLINK_ROUTE);
      const eth0 = getLink(inner, "eth0").index;
      const setup = inner.batch();
      setLink(setup, eth0, { up: true });
      addAddress(setup, { index: eth0, address: bytes("192.0.2.9"), prefixLength: 24 });
      addAddress(setup, { index: eth0, address: bytes("fd00:2::9"), prefixLength: 64 });
      // It tries to get at the containers and at the host's loopback directly.
      for (const [target, prefix] of [
        ["172.16.0.0", 12],
        ["fd00:20::", 28],
      ] as const) {
        const gateway = bytes(target.includes(":") ? "fd00:2::1" : "192.0.2.1");
        addRoute(setup, { destination: bytes(target), prefixLength: prefix, gateway, device: eth0 });
      }
      inner.run(setup);
    });
    // Before, what is sent is lost.
    while (!getLink(socket, "lan0").operational) {}
    const all = networks.map((network, at): FirewallNetwork => {
      const bridge = `br${at + 1}`;
      const addresses = [`172.2${at + 1}.0.1/16`, `fd00:2${at + 1}::1/64`];
      ensureBridge({
        name: bridge,
        mtu: 1500,
        mac: `02:42:00:00:00:0${at + 1}`,
        addresses,
        routeLoopback: true,
      });
      const subnets = [`172.2${at + 1}.0.0/16`, `fd00:2${at + 1}::/64`];
      return { bridge, subnets, masquerade: true, icc: true, internal: false, ...network };
    });
    using firewall = new Firewall("br1");
    firewall.rebuild(all, new Map());
    let count = 0;
    const container = (network: number, last: number) => {
      const { bridge, icc, internal } = all[network - 1]!;
      const gateways = internal ? [] : [`172.2${network}.0.1`, `fd00:2${network}::1`];
      const sandbox = createSandbox({
        mode: "private",
        endpoints: [
          {
            networkId: bridge,
            endpointId: `e${++count}`,
            driver: "bridge",
            bridge,
            hostInterface: `veth${count}`,
            containerInterface: "eth0",
            mac: `02:42:00:00:01:0${count}`,
            mtu: 1500,
            addresses: [`172.2${network}.0.${last}/16`, `fd00:2${network}::${last}/64`],
            gateways,
            isolated: !icc && !bridgeNetfilter,
          },
        ],
      });
      open.push(sandbox);
      return sandbox;
    };
    const published = (
      sandbox: NetworkSandbox,
      hostPort: number,
      more: Partial<PortSocket> = {},
    ): PortSocket => ({
      protocol: "tcp",
      hostAddress: "0.0.0.0",
      hostPort,
      containerAddress: addressesOf(sandbox)[0]!,
      containerPort: 80,
      ...more,
    });
    try {
      action({ firewall, outside, container, published });
    } finally {
      for (const sandbox of open) sandbox[Symbol.dispose]();
    }
  });
}

const addressesOf = (sandbox: NetworkSandbox) =>
  sandbox.endpoints.flatMap((endpoint) => endpoint.addresses).map((text) => text.split("/")[0]!);
const inside =
  (sandbox: NetworkSandbox): Inside =>
  (action) =>
    sandbox.inside(action);

for (const bridgeNetfilter of [true, false]) {
  const suffix = bridgeNetfilter ? "" : " (bridged frames are not filtered)";

  test("changes by others are told from ours", () => {
    inWorld([{}, {}], false, ({ firewall, container, published }) => {
      const seen = firewall.foreignGeneration();
      const web = container(1, 2);
      const ports = { ports: [published(web, 8080)], addresses: addressesOf(web) };
      firewall.publish("web", ports);
      firewall.publish("web", { ...ports, ports: [published(web, 8081)] });
      firewall.unpublish("web");
      firewall.removeNetwork("br2");
      firewall.publish("none", { ports: [], addresses: [] });
      expect(firewall.foreignGeneration()).toBe(seen);
      runNft("add table ip other");
      expect(firewall.foreignGeneration()).not.toBe(seen);
    });
  });

  test(`a published port is reached from everywhere${suffix}`, () => {
    inWorld([{}, {}], bridgeNetfilter, ({ firewall, outside, container, published }) => {
      const [web, neighbour, stranger] = [container(1, 2), container(1, 3), container(2, 2)];
      const server = listenAt(inside(web), "0.0.0.0", 80);
      // The reserved socket of the host: what comes here was not translated.
      const reserved = listenAt(here, "0.0.0.0", 8080);
      firewall.publish("web", { ports: [published(web, 8080)], addresses: addressesOf(web) });
      expect(probeTcp(here, "127.0.0.1", 8080, server)).toBe("172.21.0.1");
      expect(probeTcp(here, "192.0.2.1", 8080, server)).toBe("192.0.2.1");
      expect(probeTcp(here, "172.21.0.1", 8080, server)).toBe("172.21.0.1");
      expect(probeTcp(outside, "192.0.2.1", 8080, server)).toBe("192.0.2.9");
      expect(probeTcp(inside(neighbour), "192.0.2.1", 8080, server)).toBe("172.21.0.1");
      expect(probeTcp(inside(neighbour), "172.21.0.1", 8080, server)).toBe("172.21.0.1");
      expect(probeTcp(inside(stranger), "192.0.2.1", 8080, server)).toBe("172.22.0.2");
      expect(probeTcp(inside(stranger), "172.22.0.1", 8080, server)).toBe("172.22.0.2");
      // Its own port: by way of the reserved socket.
      expect(probeTcp(inside(web), "192.0.2.1", 8080, reserved)).toBe("172.21.0.2");
      firewall.unpublish("web");
      expect(probeTcp(outside, "192.0.2.1", 8080, reserved)).toBe("192.0.2.9");
      firewall.unpublish("web");
      close(server);
      close(reserved);
    });
  });

  test(`networks are kept apart, and from outside only published ports are reached${suffix}`, () => {
    inWorld([{}, {}, { icc: false }, { internal: true }], bridgeNetfilter, (world) => {
      const { firewall, outside, container, published } = world;
      const [one, two] = [container(1, 2), container(1, 3)];
      const other = container(2, 2);
      const [mute, deaf] = [container(3, 2), container(3, 3)];
      const [inner, mate] = [container(4, 2), container(4, 3)];
      const servers = [one, two, other, mute, deaf, inner, mate].map((each) =>
        listenAt(inside(each), "::", 80),
      );
      const [onOne, , onOther, , onDeaf, onInner] = servers as [
        number,
        number,
        number,
        number,
        number,
        number,
        number,
      ];
      const lan = listenAt(outside, "::", 80);
      // Within a network.
      expect(probeTcp(inside(two), "172.21.0.2", 80, onOne)).toBe("::ffff:172.21.0.3");
      expect(probeTcp(inside(two), "fd00:21::2", 80, onOne)).toBe("fd00:21::3");
      expect(probeTcp(inside(mate), "172.24.0.2", 80, onInner)).toBe("::ffff:172.24.0.3");
      // Without icc.
      expect(probeTcp(inside(mute), "172.23.0.3", 80, onDeaf)).toBe("dropped");
      firewall.publish("deaf", { ports: [published(deaf, 8083)], addresses: addressesOf(deaf) });
      expect(probeTcp(inside(mute), "192.0.2.1", 8083, onDeaf)).toBe("::ffff:172.23.0.1");
      expect(probeTcp(inside(one), "192.0.2.1", 8083, onDeaf)).toBe("::ffff:172.21.0.2");
      // Between networks.
      expect(probeTcp(inside(one), "172.22.0.2", 80, onOther)).toBe("dropped");
      expect(probeTcp(inside(one), "fd00:22::2", 80, onOther)).toBe("dropped");
      expect(probeTcp(inside(one), "172.24.0.2", 80, onInner)).toBe("dropped");
      // Out, with the host's address.
      expect(probeTcp(inside(one), "192.0.2.9", 80, lan)).toBe("::ffff:192.0.2.1");
      expect(probeTcp(inside(one), "fd00:2::9", 80, lan)).toBe("fd00:2::1");
      expect(probeTcp(inside(inner), "192.0.2.9", 80, lan)).toBe("unreachable");
      // In.
      expect(probeTcp(here, "172.21.0.2", 80, onOne)).toBe("::ffff:172.21.0.1");
      expect(probeTcp(here, "172.24.0.2", 80, onInner)).toBe("::ffff:172.24.0.1");
      expect(probeTcp(outside, "172.21.0.2", 80, onOne)).toBe("dropped");
      expect(probeTcp(outside, "fd00:21::2", 80, onOne)).toBe("dropped");
      expect(probeTcp(outside, "172.24.0.2", 80, onInner)).toBe("dropped");
      for (const fd of [...servers, lan]) close(fd);
    });
  });
}

test("an internal container stays inside even when it sets a route", () => {
  inWorld([{ internal: true }, {}], true, ({ firewall, outside, container, published }) => {
    const [inner, web] = [container(1, 2), container(2, 2)];
    inner.inside(() => {
      using socket = NetlinkSocket.open(NETLINK_ROUTE);
      const batch = socket.batch();
      const device = getLink(socket, "eth0").index;
      addRoute(batch, {
        destination: bytes("0.0.0.0"),
        prefixLength: 0,
        gateway: bytes("172.21.0.1"),
        device,
      });
      socket.run(batch);
    });
    const lan = listenAt(outside, "0.0.0.0", 80);
    const server = listenAt(inside(web), "0.0.0.0", 80);
    firewall.publish("web", { ports: [published(web, 8080)], addresses: addressesOf(web) });
    expect(probeTcp(inside(inner), "192.0.2.9", 80, lan)).toBe("dropped");
    expect(probeTcp(inside(inner), "192.0.2.1", 8080, server)).toBe("dropped");
    close(lan);
    close(server);
  });
});

test("without masquerading the container's own address goes out", () => {
  inWorld([{ masquerade: false }], true, ({ outside, container }) => {
    const one = container(1, 2);
    const lan = listenAt(outside, "0.0.0.0", 80);
    expect(probeTcp(inside(one), "192.0.2.9", 80, lan)).toBe("172.21.0.2");
    close(lan);
  });
});

test("the host's loopback is closed to containers and to the LAN", () => {
  inWorld([{}], true, ({ firewall, outside, container, published }) => {
    const web = container(1, 2);
    const server = listenAt(inside(web), "0.0.0.0", 80);
    const secret = listenAt(here, "127.0.0.1", 9999);
    firewall.publish("web", {
      ports: [published(web, 8080, { hostAddress: "127.0.0.1" })],
      addresses: addressesOf(web),
    });
    expect(probeTcp(here, "127.0.0.1", 8080, server)).toBe("172.21.0.1");
    expect(probeTcp(outside, "192.0.2.1", 8080, server)).toBe("refused");
    for (const [who, gateway] of [
      [inside(web), "172.21.0.1"],
      [outside, "192.0.2.1"],
    ] as const) {
      who(() => {
        // As one who wants in would: packets for 127.0.0.1 leave by the cable.
        writeSysctl("net.ipv4.conf.all.route_localnet", "1");
        using socket = NetlinkSocket.open(NETLINK_ROUTE);
        const batch = socket.batch();
        deleteAddress(batch, { index: 1, address: bytes("127.0.0.1"), prefixLength: 8 });
        const device = getLink(socket, "eth0").index;
        addRoute(batch, {
          destination: bytes("127.0.0.1"),
          prefixLength: 32,
          gateway: bytes(gateway),
          device,
        });
        socket.run(batch);
      });
      expect(probeTcp(who, "127.0.0.1", 9999, secret)).toBe("dropped");
      expect(probeTcp(who, "127.0.0.1", 8080, server)).toBe("dropped");
    }
    // The guard is what keeps the container out.
    runNft("flush chain inet berth-br1 guard");
    expect(probeTcp(inside(web), "127.0.0.1", 9999, secret)).toBe("172.21.0.2");
    close(server);
    close(secret);
  });
});

test("one host address, IPv6, and udp", () => {
  inWorld([{}], true, ({ firewall, outside, container, published }) => {
    const web = container(1, 2);
    const tcp = listenAt(inside(web), "::", 80);
    const udp = bindAt(inside(web), "0.0.0.0", 80);
    const reserved = bindAt(here, "0.0.0.0", 5353);
    // A client that sent before the port was published is tracked; it must get through all the same.
    const early = bindAt(outside, "0.0.0.0", 4000);
    expect(probeUdp(early, "192.0.2.1", 5353, reserved)).toBe("192.0.2.9");
    const udpPort = published(web, 5353, { protocol: "udp" });
    firewall.publish("web", {
      ports: [
        published(web, 8080, { hostAddress: "192.0.2.1" }),
        published(web, 8081, { hostAddress: "::", containerAddress: "fd00:21::2" }),
        published(web, 8082, { hostAddress: "::" }),
        udpPort,
      ],
      addresses: addressesOf(web),
    });
    expect(probeTcp(outside, "192.0.2.1", 8080, tcp)).toBe("::ffff:192.0.2.9");
    expect(probeTcp(here, "127.0.0.1", 8080, tcp)).toBe("refused");
    expect(probeTcp(outside, "fd00:2::1", 8081, tcp)).toBe("fd00:2::9");
    expect(probeTcp(outside, "192.0.2.1", 8081, tcp)).toBe("refused");
    expect(probeTcp(outside, "fd00:2::1", 8082, tcp)).toBe("refused");
    expect(probeUdp(early, "192.0.2.1", 5353, udp)).toBe("192.0.2.9");
    const local = bindAt(here, "0.0.0.0", 4001);
    expect(probeUdp(local, "127.0.0.1", 5353, udp)).toBe("172.21.0.1");
    // A container in its place gets the same client.
    firewall.unpublish("web");
    const next = container(1, 3);
    const nextUdp = bindAt(inside(next), "0.0.0.0", 80);
    firewall.publish("next", {
      ports: [published(next, 5353, { protocol: "udp" })],
      addresses: addressesOf(next),
    });
    expect(probeUdp(early, "192.0.2.1", 5353, nextUdp)).toBe("192.0.2.9");
    for (const fd of [tcp, udp, reserved, early, local, nextUdp]) close(fd);
  });
});

test("the table comes back when others removed it, and goes when asked", () => {
  inWorld([{}], true, ({ firewall, outside, container, published }) => {
    const [web, other] = [container(1, 2), container(1, 3)];
    const servers = [web, other].map((each) => listenAt(inside(each), "0.0.0.0", 80)) as [number, number];
    firewall.publish("web", { ports: [published(web, 8080)], addresses: addressesOf(web) });
    runNft("flush ruleset");
    firewall.publish("other", { ports: [published(other, 8081)], addresses: addressesOf(other) });
    expect(probeTcp(outside, "192.0.2.1", 8080, servers[0])).toBe("192.0.2.9");
    expect(probeTcp(outside, "192.0.2.1", 8081, servers[1])).toBe("192.0.2.9");
    runNft("flush ruleset");
    firewall.unpublish("other");
    expect(probeTcp(outside, "192.0.2.1", 8080, servers[0])).toBe("192.0.2.9");
    runNft("flush ruleset");
    firewall.removeNetwork("nosuch");
    firewall.addNetwork({
      bridge: "br9",
      subnets: ["172.29.0.0/16"],
      masquerade: true,
      icc: false,
      internal: true,
    });
    firewall.removeNetwork("br9");
    expect(probeTcp(outside, "192.0.2.1", 8080, servers[0])).toBe("192.0.2.9");
    firewall.remove();
    expect(runNft("list tables")).toBe("");
    for (const fd of servers) close(fd);
  });
});

test("two daemons live side by side", () => {
  inWorld([{}, {}], true, ({ firewall, outside, container, published }) => {
    const [mine, theirs] = [container(1, 2), container(2, 2)];
    const servers = [mine, theirs].map((each) => listenAt(inside(each), "0.0.0.0", 80)) as [number, number];
    const network = { subnets: [], masquerade: true, icc: true, internal: false };
    firewall.rebuild([{ ...network, bridge: "br1", subnets: ["172.21.0.0/16"] }], new Map());
    using second = new Firewall("br2");
    second.rebuild([{ ...network, bridge: "br2", subnets: ["172.22.0.0/16"] }], new Map());
    firewall.publish("mine", { ports: [published(mine, 8080)], addresses: addressesOf(mine) });
    second.publish("theirs", { ports: [published(theirs, 8081)], addresses: addressesOf(theirs) });
    expect(probeTcp(outside, "192.0.2.1", 8080, servers[0])).toBe("192.0.2.9");
    expect(probeTcp(outside, "192.0.2.1", 8081, servers[1])).toBe("192.0.2.9");
    expect(probeTcp(inside(mine), "192.0.2.1", 8081, servers[1])).not.toBe("dropped");
    expect(probeTcp(inside(mine), "172.22.0.2", 80, servers[1])).toBe("dropped");
    second.remove();
    expect(probeTcp(outside, "192.0.2.1", 8080, servers[0])).toBe("192.0.2.9");
    for (const fd of servers) close(fd);
  });
});
