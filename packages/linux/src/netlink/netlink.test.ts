import { expect, test } from "bun:test";
import { closeSync, openSync } from "node:fs";
import { CLONE, insideNamespace, setns, unshare } from "../namespace.ts";
import { runNft } from "../nft.ts";
import { addAddress, deleteAddress, listAddresses } from "./address.ts";
import { forgetConnections } from "./conntrack.ts";
import { addBridge, addVeth, deleteLink, getLink, listLinks, setBridgePort, setLink } from "./link.ts";
import { changeElements, concatenate, NFPROTO, redirectLocalPort } from "./nftables.ts";
import { addRoute, deleteRoute, listRoutes } from "./route.ts";
import { NETLINK_NETFILTER, NETLINK_ROUTE, NetlinkError, NetlinkSocket } from "./socket.ts";

/** Runs `inside` in a network namespace of its own. */
function inNewNetwork(inside: () => void): void {
  const before = openSync("/proc/thread-self/ns/net", "r");
  try {
    unshare(CLONE.NEWNET);
    try {
      inside();
    } finally {
      setns(before, CLONE.NEWNET);
    }
  } finally {
    closeSync(before);
  }
}

/** Descriptor of a further network namespace. */
function newNamespace(): number {
  let fd = -1;
  inNewNetwork(() => {
    fd = openSync("/proc/thread-self/ns/net", "r");
  });
  return fd;
}

const v4 = (...bytes: number[]) => Uint8Array.from(bytes);
const v6 = (last: number) => Uint8Array.of(0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last);

test("a bridge, a veth pair into another namespace, addresses and routes", () => {
  inNewNetwork(() => {
    const inner = newNamespace();
    using socket = NetlinkSocket.open(NETLINK_ROUTE);
    let batch = socket.batch();
    addBridge(batch, { name: "br0", up: true, mac: v4(2, 0x42, 0, 0, 0, 1) });
    setLink(batch, 1, { up: true });
    socket.run(batch);
    const bridge = getLink(socket, "br0");
    expect(bridge).toMatchObject({ kind: "bridge", up: true, mtu: 1500, master: 0 });

    batch = socket.batch();
    addAddress(batch, { index: bridge.index, address: v4(172, 17, 0, 1), prefixLength: 16 });
    addAddress(batch, { index: bridge.index, address: v6(1), prefixLength: 64 });
    addVeth(
      batch,
      { name: "veth0", master: bridge.index, up: true, mtu: 1400 },
      { name: "eth0", namespaceFd: inner, mac: v4(2, 0x42, 172, 17, 0, 2), mtu: 1400 },
    );
    setBridgePort(batch, "veth0", { isolated: true, hairpin: true });
    socket.run(batch);
    expect(getLink(socket, "veth0")).toMatchObject({
      kind: "veth",
      master: bridge.index,
      up: true,
      mtu: 1400,
      linkElsewhere: true,
    });

    using inside = insideNamespace(inner, CLONE.NEWNET, () => NetlinkSocket.open(NETLINK_ROUTE));
    const eth0 = getLink(inside, "eth0");
    expect([...eth0.mac]).toEqual([2, 0x42, 172, 17, 0, 2]);
    batch = inside.batch();
    setLink(batch, eth0.index, { up: true });
    addAddress(batch, { index: eth0.index, address: v4(172, 17, 0, 2), prefixLength: 16 });
    addRoute(batch, {
      destination: v4(0, 0, 0, 0),
      prefixLength: 0,
      gateway: v4(172, 17, 0, 1),
      device: eth0.index,
    });
    addRoute(batch, {
      destination: v4(10, 0, 0, 0),
      prefixLength: 8,
      gateway: v4(192, 168, 0, 1),
      onLink: true,
      device: eth0.index,
    });
    inside.run(batch);
    expect(
      listRoutes(inside).map((route) => `${route.destination}/${route.prefixLength} ${route.gateway}`),
    ).toEqual(
      expect.arrayContaining(["0,0,0,0/0 172,17,0,1", "10,0,0,0/8 192,168,0,1", "172,17,0,0/16 undefined"]),
    );
    expect(getLink(inside, "eth0").carrier).toBe(true);

    batch = inside.batch();
    deleteRoute(batch, { destination: v4(10, 0, 0, 0), prefixLength: 8, device: eth0.index });
    deleteAddress(batch, { index: eth0.index, address: v4(172, 17, 0, 2), prefixLength: 16 });
    setLink(batch, eth0.index, { up: false });
    inside.run(batch);
    batch = inside.batch();
    setLink(batch, eth0.index, { name: "renamed", mac: v4(2, 0, 0, 0, 0, 9), mtu: 1300 });
    inside.run(batch);
    expect(getLink(inside, "renamed")).toMatchObject({ mtu: 1300, up: false });
    expect(listAddresses(inside).filter((entry) => entry.index === eth0.index)).toEqual([]);

    batch = socket.batch();
    deleteLink(batch, "veth0");
    socket.run(batch);
    expect(listLinks(socket).map((link) => link.name)).toEqual(["lo", "br0"]);
    expect(listLinks(inside).map((link) => link.name)).toEqual(["lo"]);
    closeSync(inner);
  });
});

test("the first failure of a batch is thrown with what it was, and the socket stays usable", () => {
  inNewNetwork(() => {
    using socket = NetlinkSocket.open(NETLINK_ROUTE);
    const batch = socket.batch();
    addBridge(batch, { name: "br0" });
    addBridge(batch, { name: "br0" });
    deleteLink(batch, "nosuch");
    let error: unknown;
    try {
      socket.run(batch);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(NetlinkError);
    expect((error as NetlinkError).code).toBe("EEXIST");
    expect((error as NetlinkError).message).toStartWith("create bridge br0: file exists");
    expect(getLink(socket, "br0").kind).toBe("bridge");
    expect(() => getLink(socket, "nosuch")).toThrow("get link nosuch: no such device");
    expect(() => getLink(socket, "a-name-that-is-too-long")).toThrow("numerical result out of range");
  });
});

test("set elements change in one transaction", () => {
  inNewNetwork(() => {
    runNft("table inet t {\n map m {\n type inet_proto . inet_service : ipv4_addr . inet_service\n }\n}");
    using socket = NetlinkSocket.open(NETLINK_NETFILTER);
    const element = (port: number) => ({
      key: concatenate(Uint8Array.of(6), Uint8Array.of(port >>> 8, port)),
      data: concatenate(v4(172, 17, 0, 2), Uint8Array.of(0, 80)),
    });
    const list = () =>
      (
        JSON.parse(runNft("list map inet t m", { json: true })) as {
          nftables: { map?: { elem?: unknown[] } }[];
        }
      ).nftables
        .flatMap((entry) => entry.map?.elem ?? [])
        .map((entry) => JSON.stringify(entry));
    const ports = Array.from({ length: 600 }, (_, index) => element(1000 + index));
    changeElements(socket, NFPROTO.INET, "t", [], [{ set: "m", elements: ports }]);
    expect(list()).toHaveLength(600);
    changeElements(socket, NFPROTO.INET, "t", [{ set: "m", elements: ports.slice(1) }], []);
    expect(list()).toEqual(['[{"concat":["tcp",1000]},{"concat":["172.17.0.2",80]}]']);
    // One part that fails undoes the other.
    expect(() =>
      changeElements(
        socket,
        NFPROTO.INET,
        "t",
        [{ set: "m", elements: [element(7)] }],
        [{ set: "m", elements: [element(8)] }],
      ),
    ).toThrow("no such file or directory");
    expect(list()).toHaveLength(1);
    expect(() =>
      changeElements(socket, NFPROTO.INET, "none", [], [{ set: "m", elements: [element(8)] }]),
    ).toThrow("change elements of none m: no such file or directory");
    changeElements(socket, NFPROTO.INET, "t", [], []);
  });
});

test("a local port is redirected by a rule that nft understands", () => {
  inNewNetwork(() => {
    using socket = NetlinkSocket.open(NETLINK_NETFILTER);
    redirectLocalPort(socket, "dns", v4(127, 0, 0, 11), 53, 40053);
    expect(runNft("list table ip dns")).toContain("ip daddr 127.0.0.11 th dport 53 dnat to 127.0.0.11:40053");
    forgetConnections(socket, 2, { protocol: 17, toPort: 53 });
    forgetConnections(socket, 2, { answeredFrom: v4(172, 17, 0, 2) });
    forgetConnections(socket, 10, { answeredFrom: v6(2) });
  });
});

test("nft runs all commands of a call or none", () => {
  inNewNetwork(() => {
    expect(() => runNft("add table inet a\nadd rule inet a nosuch accept")).toThrow("nft: Error:");
    expect(runNft("list tables")).toBe("");
    runNft("add table inet a");
    expect(runNft("list tables")).toBe("table inet a\n");
  });
});
