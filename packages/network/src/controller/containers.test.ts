import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { AF, bind, close, listen, SOCK, socket } from "@berth/linux";
import type { EndpointRequest } from "../networks.ts";
import { listenAt, probeTcp } from "../testing/probe.ts";
import { container, create, failure, here, inside, TestHost } from "../testing/test-host.ts";

let host: TestHost;
beforeEach(() => {
  host = new TestHost();
});
afterEach(() => host[Symbol.dispose]());

describe("containers", () => {
  test("on the default network", async () => {
    const controller = host.start();
    const request = container(
      "web",
      ["bridge"],
      [{ hostPortFirst: 8080 }, { protocol: "udp", containerPort: 53 }],
    );
    const { sandbox, made } = await host.run(controller, request);
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
    host.keep(server);
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
    for (const { fd } of sandbox.ports) host.close(fd);
    // Everything is free again, the port of the failed start included.
    const { sandbox: again } = await host.run(controller, second);
    expect([again.endpoints[0]?.ipAddress, again.ports[0]?.hostPort]).toEqual(["172.17.0.2", 9090]);
  });

  test("a port of another program", async () => {
    const fd = socket(AF.INET, SOCK.STREAM);
    host.keep(fd);
    bind(fd, { family: "inet", address: "0.0.0.0", port: 8081 });
    listen(fd);
    expect(
      await failure(host.start().allocate(container("c", ["bridge"], [{ hostPortFirst: 8081 }]))),
    ).toContain("): Error starting userland proxy: listen tcp4 0.0.0.0:8081: bind: address already in use");
  });

  test("find each other by name on user-defined networks", async () => {
    const controller = host.start();
    const { Id: id } = await controller.create(create({ Name: "net" }));
    const web = container("web", [
      { network: "net", aliases: ["www", "www"], links: ["db:database"], mac: "02-42-00-00-00-AA" },
    ]);
    const { sandbox } = await host.run(controller, web);
    expect(sandbox.endpoints[0]).toMatchObject({
      mac: "02:42:00:00:00:aa",
      aliases: ["www"],
      dnsNames: ["web", "www", web.containerId.slice(0, 12), "host-web"],
    });
    expect(sandbox.resolvConf).toBe("nameserver 127.0.0.11\noptions ndots:0\n");
    expect(sandbox.plan.dns).toEqual({
      zoneFiles: [join(host.folder, "dns", web.containerId), join(host.folder, "dns", id)],
      upstreams: ["192.0.2.53"],
      insideUpstreams: [],
      search: [],
      options: [],
    });
    const db = container("db", ["net"]);
    db.dns.servers = ["127.0.0.1", "10.0.0.1"];
    const second = await host.run(controller, db);
    expect(second.sandbox.plan.dns?.insideUpstreams).toEqual(["127.0.0.1"]);
    expect(host.zone(id)).toEqual({
      network: "net",
      hosts: [
        { names: ["web", "www", web.containerId.slice(0, 12), "host-web"], addresses: ["172.18.0.2"] },
        { names: ["db", db.containerId.slice(0, 12), "host-db"], addresses: ["172.18.0.3"] },
      ],
    });
    expect(host.zone(web.containerId)).toEqual({ network: "", hosts: [], links: { database: "db" } });
    controller.rename(db.containerId, "store");
    expect(host.zone(id)?.hosts[1]?.names[0]).toBe("store");
    expect(controller.inspect("net").Containers[db.containerId]?.Name).toBe("store");
    await controller.release(web.containerId);
    expect(host.zone(id)?.hosts.map((host) => host.names[0])).toEqual(["store"]);
    expect(readdirSync(join(host.folder, "dns"))).toEqual([id]);
  });

  test("ask for what cannot be", async () => {
    const controller = host.start();
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
    expect(await failure(controller.connect("nosuch", { network: "auto" }, []))).toContain("not-found");
    expect(() => controller.validateEndpoint({ network: "auto" }, [controller.lookUp("host").id])).toThrow(
      "container sharing network namespace with another container or host cannot be connected to any other network",
    );
  });

  test("in the host's network, in none, and in no network at all", async () => {
    const controller = host.start();
    const hosted = await controller.allocate(container("h", ["host"], [{ hostPortFirst: 80 }]));
    expect([hosted.plan, hosted.ports, hosted.endpoints[0]?.ipAddress]).toEqual([
      { mode: "host", endpoints: [] },
      [],
      "",
    ]);
    expect(hosted.endpoints[0]?.networkName).toBe("host");
    const alone = await controller.allocate(container("n", ["none"]));
    expect(alone.plan).toEqual({ mode: "none", endpoints: [] });
    expect(Object.values(controller.inspect("none").Containers)[0]).toMatchObject({
      Name: "n",
      IPv4Address: "",
    });
    expect((await controller.allocate(container("x", []))).plan.mode).toBe("none");
  });

  test("the way out is by priority, then by name, never by an internal network", async () => {
    const controller = host.start();
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
  const controller = host.start({ ipv6: true });
  expect(controller.inspect("bridge").IPAM.Config?.[1]?.Subnet).toMatch(/^fd.*\/64$/);
  expect(host.start({ ipv6: true }).inspect("bridge").IPAM.Config).toEqual(
    controller.inspect("bridge").IPAM.Config,
  );
  const option = (key: string, value: string) => ({ [`com.docker.network.endpoint.${key}`]: value });
  const driverOptions = {
    ...option("ifname", "wan.1"),
    ...option("sysctls", "net.ipv4.conf.IFNAME.log_martians=1,net.ipv4.neigh.IFNAME.gc_stale_time=77"),
  };
  const { made } = await host.run(controller, container("c", [{ network: "bridge", driverOptions }]));
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
