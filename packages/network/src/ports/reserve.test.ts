import { expect, test } from "bun:test";
import { AF, bind, close, connect, getsockname, listen, SOCK, socket } from "@berth/linux";
import type { PortRequest } from "../networks.ts";
import { inNewNetwork } from "../testing/namespace.ts";
import { PortTable } from "./port-table.ts";
import { type ReservationTarget, type ReservedPort, reservePorts } from "./reserve.ts";

const target: ReservationTarget = {
  ipv4: "172.17.0.2",
  ipv6: "",
  defaultAddress: "",
  ephemeral: { first: 32_768, last: 32_771 },
};

function request(hostPort: number, more: Partial<PortRequest> = {}): PortRequest {
  return {
    protocol: "tcp",
    containerPort: 80,
    hostAddress: "",
    hostPortFirst: hostPort,
    hostPortLast: hostPort,
    ...more,
  };
}

const texts = (ports: readonly ReservedPort[]) =>
  ports.map((port) => `${port.protocol} ${port.hostAddress} ${port.hostPort}`);

function closeAll(ports: readonly ReservedPort[]): void {
  for (const { fd } of ports) close(fd);
}

/** Binds as another program would. */
function occupy(family: 4 | 6, type: number, address: string, port: number): number {
  const fd = socket(family === 4 ? AF.INET : AF.INET6, type);
  bind(fd, { family: family === 4 ? "inet" : "inet6", address, port });
  if (type === SOCK.STREAM) listen(fd);
  return fd;
}

test("a port without address is bound for IPv4 and IPv6, and really listens", () => {
  inNewNetwork(() => {
    const ports = reservePorts([request(8080), request(5353, { protocol: "udp" })], target, new PortTable());
    expect(texts(ports)).toEqual(["tcp 0.0.0.0 8080", "tcp :: 8080", "udp 0.0.0.0 5353", "udp :: 5353"]);
    expect(ports.map((port) => port.containerAddress)).toEqual(Array(4).fill("172.17.0.2"));
    expect(getsockname(ports[2]!.fd)).toEqual({ family: "inet", address: "0.0.0.0", port: 5353 });
    const client = socket(AF.INET, SOCK.STREAM);
    expect(connect(client, { family: "inet", address: "127.0.0.1", port: 8080 })).toBe(true);
    close(client);
    closeAll(ports);
  });
});

test("an IPv6 address of the container serves IPv6 ports", () => {
  inNewNetwork(() => {
    const ports = reservePorts([request(80)], { ...target, ipv6: "fd00::2" }, new PortTable());
    expect(ports.map((port) => port.containerAddress)).toEqual(["172.17.0.2", "fd00::2"]);
    closeAll(ports);
  });
});

test("one address, the default address, and addresses that are none", () => {
  inNewNetwork(() => {
    const table = new PortTable();
    const one = reservePorts([request(80, { hostAddress: "127.0.0.1" })], target, table);
    const other = reservePorts([request(81)], { ...target, defaultAddress: "127.0.0.2" }, table);
    expect(texts([...one, ...other])).toEqual(["tcp 127.0.0.1 80", "tcp 127.0.0.2 81"]);
    closeAll([...one, ...other]);
    expect(() => reservePorts([request(80, { hostAddress: "198.51.100.77" })], target, table)).toThrow(
      "Error starting userland proxy: listen tcp4 198.51.100.77:80: bind: cannot assign requested address",
    );
    expect(() => reservePorts([request(80, { hostAddress: "nonsense" })], target, table)).toThrow(
      "invalid IP address",
    );
  });
});

test("a port of another container, of another program, and of the same container", () => {
  inNewNetwork(() => {
    const table = new PortTable();
    const first = reservePorts([request(8080)], target, table);
    table.add(first, "c1");
    expect(() => reservePorts([request(8080)], target, table)).toThrow(
      "Bind for 0.0.0.0:8080 failed: port is already allocated",
    );
    expect(() => reservePorts([request(8080, { hostAddress: "::" })], target, table)).toThrow(
      "Bind for :::8080 failed: port is already allocated",
    );
    const programs = [
      occupy(4, SOCK.STREAM, "0.0.0.0", 8081),
      occupy(4, SOCK.DGRAM, "0.0.0.0", 8082),
      occupy(6, SOCK.STREAM, "::1", 8083),
    ];
    expect(() => reservePorts([request(8081)], target, table)).toThrow(
      "Error starting userland proxy: listen tcp4 0.0.0.0:8081: bind: address already in use",
    );
    expect(() => reservePorts([request(8082, { protocol: "udp" })], target, table)).toThrow(
      "Error starting userland proxy: listen udp4 0.0.0.0:8082: bind: address already in use",
    );
    expect(() => reservePorts([request(8083)], target, table)).toThrow(
      "Error starting userland proxy: listen tcp6 [::]:8083: bind: address already in use",
    );
    expect(() => reservePorts([request(9000), request(9000, { containerPort: 81 })], target, table)).toThrow(
      "Bind for 0.0.0.0:9000 failed: port is already allocated",
    );
    // What failed left nothing behind.
    const again = reservePorts([request(9000)], target, table);
    closeAll([...first, ...again]);
    table.remove(first, "c2");
    expect(() => reservePorts([request(8080)], target, table)).toThrow("port is already allocated");
    table.remove(first, "c1");
    closeAll(reservePorts([request(8080)], target, table));
    for (const fd of programs) close(fd);
  });
});

test("a range gives its first free port; random ports go on from the last", () => {
  inNewNetwork(() => {
    const table = new PortTable();
    const busy = occupy(6, SOCK.STREAM, "::", 9000);
    const ranged = request(9000, { hostPortLast: 9002 });
    const first = reservePorts([ranged], target, table);
    table.add(first, "a");
    const second = reservePorts([ranged], target, table);
    table.add(second, "b");
    expect([first[0]!.hostPort, first[1]!.hostPort, second[0]!.hostPort]).toEqual([9001, 9001, 9002]);
    expect(() => reservePorts([ranged], target, table)).toThrow("all ports are allocated");

    const taken: ReservedPort[] = [];
    const random = () => {
      const ports = reservePorts([request(0)], target, table);
      taken.push(...ports);
      return ports;
    };
    expect(random()[0]!.hostPort).toBe(32_768);
    const freed = random();
    expect(freed.map((port) => port.hostPort)).toEqual([32_769, 32_769]);
    for (const { fd } of taken.splice(2)) close(fd);
    expect(random()[0]!.hostPort).toBe(32_770);
    expect(random()[0]!.hostPort).toBe(32_771);
    expect(random()[0]!.hostPort).toBe(32_769);
    expect(() => random()).toThrow("all ports are allocated");
    closeAll([...first, ...second, ...taken]);
    close(busy);
  });
});

test("sctp fails with the kernel's reason where it is missing", () => {
  inNewNetwork(() => {
    try {
      closeAll(reservePorts([request(80, { protocol: "sctp" })], target, new PortTable()));
    } catch (error) {
      expect(String(error)).toContain("Error starting userland proxy: protocol not supported");
    }
  });
});
