import { expect, test } from "bun:test";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import {
  close,
  getLink,
  listAddresses,
  listLinks,
  listRoutes,
  NETLINK_ROUTE,
  NetlinkSocket,
} from "@berth/linux";
import { addressFromBytes, formatAddress } from "../address/ip.ts";
import type { EndpointPlan } from "../sandbox-plan.ts";
import { inNewNetwork, makeBridge } from "../testing/namespace.ts";
import { bindAt, type Inside, listenAt, probeTcp, probeUdp } from "../testing/probe.ts";
import { createSandbox, type NetworkSandbox } from "./sandbox.ts";
import { writeSysctl } from "./sysctl.ts";
import { warmUpNetwork } from "./warm-up.ts";

const here: Inside = (action) => action();

function endpoint(number: number, more: Partial<EndpointPlan> = {}): EndpointPlan {
  return {
    networkId: "n",
    endpointId: `e${number}`,
    driver: "bridge",
    bridge: "br0",
    hostInterface: `veth${number}`,
    containerInterface: "eth0",
    mac: `02:42:ac:11:00:0${number}`,
    mtu: 1500,
    addresses: [`172.17.0.${number}/16`],
    gateways: ["172.17.0.1"],
    ...more,
  };
}

const names = () => {
  using socket = NetlinkSocket.open(NETLINK_ROUTE);
  return listLinks(socket).map((link) => link.name);
};

/** Namespaces that this process holds by descriptors. */
const openNamespaces = () =>
  readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      return target.startsWith("net:") ? [target] : [];
    } catch {
      return []; // The listing's own descriptor.
    }
  });

/** `eth0 172.17.0.2/16`, `default 172.17.0.1`, … of a sandbox. */
function facts(sandbox: NetworkSandbox): string[] {
  return sandbox.inside(() => {
    using socket = NetlinkSocket.open(NETLINK_ROUTE);
    const links = new Map(listLinks(socket).map((link) => [link.index, link.name]));
    const text = (bytes: Uint8Array) => formatAddress(addressFromBytes(bytes));
    return [
      ...listAddresses(socket).map(
        (each) => `${links.get(each.index)} ${text(each.address)}/${each.prefixLength}`,
      ),
      ...listRoutes(socket)
        .filter((route) => route.gateway !== undefined)
        .map(
          (route) =>
            `${text(route.destination)}/${route.prefixLength} ${text(route.gateway!)} ${links.get(route.device)}`,
        ),
    ].filter((line) => !line.includes("fe80::"));
  });
}

test("a namespace with an interface on a bridge; packets flow at once, and it is cut off at once", () => {
  inNewNetwork(() => {
    makeBridge("br0", "172.17.0.1/16");
    const sandbox = createSandbox({
      mode: "private",
      endpoints: [endpoint(2)],
      sysctls: { "net.ipv4.ip_unprivileged_port_start": "0", "net.core.somaxconn": "77" },
    });
    const server = bindAt((action) => sandbox.inside(action), "0.0.0.0", 53);
    const client = bindAt(here, "0.0.0.0", 4000);
    expect(probeUdp(client, "172.17.0.2", 53, server)).toBe("172.17.0.1");
    expect(facts(sandbox).sort()).toEqual(
      ["lo 127.0.0.1/8", "lo ::1/128", "eth0 172.17.0.2/16", "0.0.0.0/0 172.17.0.1 eth0"].sort(),
    );
    expect(sandbox.inside(() => readFileSync("/proc/sys/net/core/somaxconn", "utf8"))).toBe("77\n");
    sandbox.inside(() => {
      using socket = NetlinkSocket.open(NETLINK_ROUTE);
      expect(getLink(socket, "eth0")).toMatchObject({
        mtu: 1500,
        up: true,
        mac: Uint8Array.of(2, 0x42, 0xac, 0x11, 0, 2),
      });
    });
    const namespace = sandbox.inside(() => readlinkSync("/proc/thread-self/ns/net"));
    expect(openNamespaces()).toContain(namespace);
    // The thread is back where it was.
    expect(names()).toEqual(["lo", "br0", "veth2"]);
    close(server);
    close(client);
    sandbox[Symbol.dispose]();
    // Cut off at once; when the kernel removes it is the kernel's affair, once nothing here holds the namespace.
    using socket = NetlinkSocket.open(NETLINK_ROUTE);
    const left = listLinks(socket).find((link) => link.name === "veth2");
    expect(left?.up ?? false).toBe(false);
    expect(openNamespaces()).not.toContain(namespace);
  });
});

test("a container in the place of another is reached at once, with another link address too", () => {
  inNewNetwork(() => {
    makeBridge("br0", "172.17.0.1/16");
    const client = bindAt(here, "0.0.0.0", 4000);
    for (let round = 0; round < 5; round++) {
      const mac = `02:42:00:00:00:0${round % 3}`;
      using sandbox = createSandbox({
        mode: "private",
        endpoints: [endpoint(2, { mac, hostInterface: `veth${round}` })],
      });
      const server = bindAt((action) => sandbox.inside(action), "0.0.0.0", 53);
      expect(probeUdp(client, "172.17.0.2", 53, server)).toBe("172.17.0.1");
    }
  });
});

test("IPv6 without waiting for duplicate address detection", () => {
  inNewNetwork(() => {
    makeBridge("br0", "172.17.0.1/16", "fd00::1/64");
    using sandbox = createSandbox({
      mode: "private",
      endpoints: [
        endpoint(2, { addresses: ["172.17.0.2/16", "fd00::2/64"], gateways: ["172.17.0.1", "fd00::1"] }),
      ],
    });
    const server = listenAt((action) => sandbox.inside(action), "::", 80);
    expect(probeTcp(here, "fd00::2", 80, server)).toBe("fd00::1");
    expect(facts(sandbox)).toContain("eth0 fd00::2/64");
    expect(facts(sandbox)).toContain("::/0 fd00::1 eth0");
  });
});

test("interfaces come and go; another network takes over the default route", () => {
  inNewNetwork(() => {
    makeBridge("br0", "172.17.0.1/16");
    makeBridge("br1", "172.18.0.1/16");
    using sandbox = createSandbox({ mode: "private", endpoints: [endpoint(2)] });
    const second = endpoint(3, {
      bridge: "br1",
      containerInterface: "eth1",
      addresses: ["172.18.0.3/16"],
      gateways: [],
      routes: [{ destination: "10.9.0.0/16", via: "172.18.0.9" }],
    });
    sandbox.connectEndpoint(second);
    expect(facts(sandbox)).toContain("eth1 172.18.0.3/16");
    expect(facts(sandbox)).toContain("10.9.0.0/16 172.18.0.9 eth1");
    expect(facts(sandbox)).toContain("0.0.0.0/0 172.17.0.1 eth0");
    const takeOver = [{ endpointId: "e3", gateways: ["172.18.0.1"] }];
    sandbox.disconnectEndpoint("e2", takeOver);
    expect(facts(sandbox)).toContain("0.0.0.0/0 172.18.0.1 eth1");
    expect(names()).not.toContain("veth2");
    // One that comes with a default route has it at once; it can be taken back.
    sandbox.connectEndpoint(endpoint(2));
    expect(facts(sandbox).filter((fact) => fact.startsWith("0.0.0.0/0"))).toEqual([
      "0.0.0.0/0 172.17.0.1 eth0",
    ]);
    sandbox.disconnectEndpoint("nosuch", takeOver);
    expect(facts(sandbox)).toContain("0.0.0.0/0 172.18.0.1 eth1");
    sandbox.disconnectEndpoint("e2");
    sandbox.disconnectEndpoint("e2");
    sandbox.disconnectEndpoint("e3");
    expect(facts(sandbox)).toEqual(["lo 127.0.0.1/8", "lo ::1/128"]);
    // An address that lies outside the subnet can be the gateway.
    sandbox.connectEndpoint(endpoint(4, { gateways: ["192.0.2.1"] }));
    expect(facts(sandbox)).toContain("0.0.0.0/0 192.0.2.1 eth0");
  });
});

test("a failure half-way leaves nothing, and not another's interface either", () => {
  inNewNetwork(() => {
    makeBridge("br0", "172.17.0.1/16");
    const route = { destination: "10.9.0.0/16", via: "172.17.0.9" };
    const twice = { routes: [route, route] };
    expect(() =>
      createSandbox({
        mode: "private",
        endpoints: [endpoint(2), endpoint(3, { ...twice, containerInterface: "eth1" })],
      }),
    ).toThrow("add route: file exists");
    expect(names()).toEqual(["lo", "br0"]);
    expect(() => createSandbox({ mode: "private", endpoints: [endpoint(2, { bridge: "nosuch" })] })).toThrow(
      "bridge nosuch does not exist",
    );
    expect(() =>
      createSandbox({ mode: "private", endpoints: [endpoint(2)], sysctls: { "net.no.such": "1" } }),
    ).toThrow("no such file or directory");
    expect(names()).toEqual(["lo", "br0"]);
    using sandbox = createSandbox({ mode: "private", endpoints: [endpoint(2)] });
    expect(() => createSandbox({ mode: "private", endpoints: [endpoint(2)] })).toThrow("file exists");
    expect(names()).toEqual(["lo", "br0", "veth2"]);
    expect(facts(sandbox)).toContain("eth0 172.17.0.2/16");
    expect(() =>
      sandbox.connectEndpoint(endpoint(5, { mac: "nonsense", containerInterface: "eth1" })),
    ).toThrow("invalid MAC address");
    expect(() =>
      sandbox.connectEndpoint(endpoint(5, { addresses: ["nonsense"], containerInterface: "eth1" })),
    ).toThrow("invalid CIDR");
    expect(() => writeSysctl("kernel.hostname", "x")).toThrow("not of the network namespace");
    expect(() => writeSysctl("net/../kernel/hostname", "x")).toThrow("not of the network namespace");
  });
});

test("host, none, and the namespace of another", () => {
  inNewNetwork(() => {
    makeBridge("br0", "172.17.0.1/16");
    using host = createSandbox({ mode: "host", endpoints: [] });
    expect([host.namespace, host.inside(names)]).toEqual([undefined, ["lo", "br0"]]);
    using none = createSandbox({ mode: "none", endpoints: [] });
    expect(none.inside(names)).toEqual(["lo"]);
    using joined = createSandbox({
      mode: "join",
      joinPath: `/proc/self/fd/${none.namespace}`,
      endpoints: [],
    });
    none.connectEndpoint(endpoint(2));
    expect(joined.inside(names)).toEqual(["lo", "eth0"]);
    joined[Symbol.dispose]();
    expect(facts(none)).toContain("eth0 172.17.0.2/16");
    expect(() => createSandbox({ mode: "join", endpoints: [] })).toThrow("no network namespace to join");
  });
});

test("after the warm-up a container can be connected as it says, and the thread is where it was", () => {
  inNewNetwork(() => {
    const endpoint = warmUpNetwork();
    expect(names()).toEqual(["lo", endpoint.bridge]);
    using sandbox = createSandbox({ mode: "private", endpoints: [endpoint] });
    expect(facts(sandbox)).toContain(`eth0 ${endpoint.addresses[0]}`);
  });
});
