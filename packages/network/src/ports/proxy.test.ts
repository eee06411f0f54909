import { expect, test } from "bun:test";
import {
  AF,
  accept4,
  bind,
  checked,
  close,
  connect,
  getsockname,
  isErrno,
  Loop,
  libc,
  listen,
  Memory,
  MSG,
  recv,
  recvfrom,
  SHUT,
  SO,
  SOCK,
  SOL,
  send,
  sendto,
  setsockopt,
  shutdown,
  socket,
} from "@berth/linux";
import { inNewNetwork, turnUntil } from "../testing/namespace.ts";
import { PortProxies } from "./proxy.ts";
import { StreamProxy } from "./tcp-proxy.ts";
import { DatagramProxy } from "./udp-proxy.ts";

function bound(type: number, address: string, port = 0): { fd: number; port: number } {
  const six = address.includes(":");
  const fd = socket(six ? AF.INET6 : AF.INET, type | SOCK.NONBLOCK);
  bind(fd, { family: six ? "inet6" : "inet", address, port });
  if (type === SOCK.STREAM) listen(fd);
  const name = getsockname(fd);
  return { fd, port: name.family === "inet" || name.family === "inet6" ? name.port : 0 };
}

function connected(type: number, address: string, port: number): number {
  const six = address.includes(":");
  const fd = socket(six ? AF.INET6 : AF.INET, type);
  connect(fd, { family: six ? "inet6" : "inet", address, port });
  return fd;
}

const received = (fd: number, size = 100_000) => {
  const buffer = new Uint8Array(size);
  return () => {
    const count = recv(fd, buffer, 0, size, MSG.DONTWAIT);
    return count < 0 ? undefined : Buffer.from(buffer.subarray(0, count)).toString();
  };
};

const FIONREAD = 0x541b;
const SIOCOUTQ = 0x5411;

/** Bytes that wait in a socket's receive or send buffer. */
function queued(fd: number, which: number): number {
  const memory = new Memory(16);
  checked(libc().ioctl(fd, which, memory.address), "ioctl");
  return memory.getI32(0);
}

const bytes = (text: string) => new TextEncoder().encode(text);

function inLoop(action: (loop: Loop) => void): void {
  inNewNetwork(() => {
    using loop = new Loop();
    action(loop);
  });
}

test("tcp: both directions, and each half is closed on its own", () => {
  inLoop((loop) => {
    const server = bound(SOCK.STREAM, "127.0.0.1");
    const front = bound(SOCK.STREAM, "::");
    const proxy = new StreamProxy(loop, front.fd, { address: "127.0.0.1", port: server.port });
    const client = connected(SOCK.STREAM, "::1", front.port);
    send(client, bytes("question"));
    const inner = turnUntil(loop, () => {
      const fd = accept4(server.fd, SOCK.NONBLOCK);
      return fd < 0 ? undefined : fd;
    });
    expect(turnUntil(loop, received(inner))).toBe("question");
    shutdown(client, SHUT.WR);
    expect(turnUntil(loop, received(inner))).toBe("");
    send(inner, bytes("answer"));
    expect(turnUntil(loop, received(client))).toBe("answer");
    expect(proxy.connections).toBe(1);
    close(inner);
    expect(turnUntil(loop, received(client))).toBe("");
    turnUntil(loop, () => (proxy.connections === 0 ? true : undefined));
    close(client);
    proxy.stop();
    close(server.fd);
  });
});

test("tcp: a reader that is slow stops the writer, and nothing is lost", () => {
  inLoop((loop) => {
    const server = bound(SOCK.STREAM, "127.0.0.1");
    const front = bound(SOCK.STREAM, "127.0.0.1");
    const proxy = new StreamProxy(loop, front.fd, { address: "127.0.0.1", port: server.port });
    const client = connected(SOCK.STREAM, "127.0.0.1", front.port);
    const inner = turnUntil(loop, () => {
      const fd = accept4(server.fd, SOCK.NONBLOCK);
      return fd < 0 ? undefined : fd;
    });
    const piece = new Uint8Array(65_536).map((_, at) => at * 7);
    let sent = 0;
    let idle = 0;
    while (idle < 20) {
      const count = send(
        client,
        piece,
        sent % piece.length,
        piece.length - (sent % piece.length),
        MSG.DONTWAIT,
      );
      if (count > 0) {
        sent += count;
        idle = 0;
      } else idle++;
      loop.turn(1);
    }
    expect(sent).toBeGreaterThan(100_000);
    shutdown(client, SHUT.WR);
    let got = 0;
    let wrong = 0;
    const buffer = new Uint8Array(65_536);
    turnUntil(loop, () => {
      for (;;) {
        const count = recv(inner, buffer);
        if (count === 0) return true;
        if (count < 0) return undefined;
        for (let at = 0; at < count; at++) if (buffer[at] !== (((got + at) % 65_536) * 7) % 256) wrong++;
        got += count;
      }
    });
    expect([got, wrong]).toEqual([sent, 0]);
    close(client);
    close(inner);
    proxy.stop();
    close(server.fd);
  });
});

test("tcp: a hang-up seen while the other end is slow costs no turns of the loop", () => {
  inLoop((loop) => {
    const server = bound(SOCK.STREAM, "127.0.0.1");
    const front = bound(SOCK.STREAM, "127.0.0.1");
    setsockopt(front.fd, SOL.SOCKET, SO.SNDBUF, 16_384);
    const proxy = new StreamProxy(loop, front.fd, { address: "127.0.0.1", port: server.port });
    const client = socket(AF.INET, SOCK.STREAM);
    setsockopt(client, SOL.SOCKET, SO.RCVBUF, 65_536);
    connect(client, { family: "inet", address: "127.0.0.1", port: front.port });
    shutdown(client, SHUT.WR);
    const inner = turnUntil(loop, () => {
      const fd = accept4(server.fd, SOCK.NONBLOCK);
      return fd < 0 ? undefined : fd;
    });
    // More than the client's connection and one chunk hold, all of it taken over by the proxy's receive buffer.
    const piece = new Uint8Array(4096);
    let sent = 0;
    while (sent - queued(client, FIONREAD) < 120_000) {
      sent += Math.max(0, send(inner, piece));
      loop.turn(0);
    }
    turnUntil(loop, () => (queued(inner, SIOCOUTQ) === 0 ? true : undefined));
    close(inner);
    let turns = 0;
    for (const end = performance.now() + 100; performance.now() < end; turns++) loop.turn(20);
    expect(turns).toBeLessThan(30);
    let got = 0;
    const buffer = new Uint8Array(65_536);
    turnUntil(loop, () => {
      for (;;) {
        const count = recv(client, buffer, 0, buffer.length, MSG.DONTWAIT);
        if (count <= 0) return count === 0 ? true : undefined;
        got += count;
      }
    });
    expect(got).toBe(sent);
    turnUntil(loop, () => (proxy.connections === 0 ? true : undefined));
    close(client);
    proxy.stop();
    close(server.fd);
  });
});

test("tcp: nobody listens in the container", () => {
  inLoop((loop) => {
    const front = bound(SOCK.STREAM, "127.0.0.1");
    const proxy = new StreamProxy(loop, front.fd, { address: "127.0.0.1", port: 1 });
    const client = connected(SOCK.STREAM, "127.0.0.1", front.port);
    expect(turnUntil(loop, received(client))).toBe("");
    turnUntil(loop, () => (proxy.connections === 0 ? true : undefined));
    close(client);
    proxy.stop();
    expect(() => connected(SOCK.STREAM, "127.0.0.1", front.port)).toThrow("connection refused");
  });
});

test("udp: each client gets its own answers, from the address that it asked", () => {
  inLoop((loop) => {
    const server = bound(SOCK.DGRAM, "127.0.0.1");
    const front = bound(SOCK.DGRAM, "0.0.0.0");
    const proxy = new DatagramProxy(loop, front.fd, 4, { address: "127.0.0.1", port: server.port });
    const one = connected(SOCK.DGRAM, "127.0.0.5", front.port);
    const two = connected(SOCK.DGRAM, "127.0.0.6", front.port);
    const echo = () => {
      const buffer = new Uint8Array(100);
      const got = turnUntil(loop, () => recvfrom(server.fd, buffer));
      sendto(
        server.fd,
        bytes(`re: ${Buffer.from(buffer.subarray(0, got.count))}`),
        0,
        got.count + 4,
        0,
        got.from,
      );
    };
    send(one, bytes("1"));
    echo();
    send(two, bytes("2"));
    echo();
    expect(turnUntil(loop, received(one))).toBe("re: 1");
    expect(turnUntil(loop, received(two))).toBe("re: 2");
    send(one, bytes("3"));
    echo();
    expect(turnUntil(loop, received(one))).toBe("re: 3");
    expect(proxy.clients).toBe(2);
    proxy.stop();
    for (const fd of [one, two, server.fd]) close(fd);
  });
});

test("udp: IPv6 clients of an IPv4 container", () => {
  inLoop((loop) => {
    const server = bound(SOCK.DGRAM, "127.0.0.1");
    const front = bound(SOCK.DGRAM, "::");
    const proxy = new DatagramProxy(loop, front.fd, 6, { address: "127.0.0.1", port: server.port });
    const client = connected(SOCK.DGRAM, "::1", front.port);
    send(client, bytes("x"));
    const buffer = new Uint8Array(100);
    const got = turnUntil(loop, () => recvfrom(server.fd, buffer));
    sendto(server.fd, bytes("y"), 0, 1, 0, got.from);
    expect(turnUntil(loop, received(client))).toBe("y");
    proxy.stop();
    for (const fd of [client, server.fd]) close(fd);
  });
});

test("udp: silent clients are forgotten, and their number is bounded", () => {
  inLoop((loop) => {
    const server = bound(SOCK.DGRAM, "127.0.0.1");
    const front = bound(SOCK.DGRAM, "127.0.0.1");
    const proxy = new DatagramProxy(loop, front.fd, 4, { address: "127.0.0.1", port: server.port }, 20, 10);
    const client = connected(SOCK.DGRAM, "127.0.0.1", front.port);
    send(client, bytes("x"));
    turnUntil(loop, () => (proxy.clients === 1 ? true : undefined));
    turnUntil(loop, () => (proxy.clients === 0 ? true : undefined));
    close(client);
    for (let count = 0; count < 1100; count++) {
      const fd = connected(SOCK.DGRAM, "127.0.0.1", front.port);
      send(fd, bytes("x"));
      loop.turn(0);
      expect(proxy.clients).toBeLessThanOrEqual(1024);
      close(fd);
    }
    proxy.stop();
    close(server.fd);
  });
});

test("all ports of a container, and a container that changes its address", () => {
  inLoop((loop) => {
    const [tcp, udp] = [bound(SOCK.STREAM, "127.0.0.1"), bound(SOCK.DGRAM, "127.0.0.1")];
    const old = bound(SOCK.STREAM, "127.0.0.2");
    const now = bound(SOCK.STREAM, "127.0.0.3", old.port);
    const common = { hostAddress: "127.0.0.1", containerAddress: "127.0.0.2", containerPort: old.port };
    const proxies = new PortProxies(
      loop,
      [
        { ...common, protocol: "tcp", hostPort: tcp.port },
        { ...common, protocol: "udp", hostPort: udp.port },
      ],
      [tcp.fd, udp.fd],
    );
    const reach = (server: number) => {
      const client = connected(SOCK.STREAM, "127.0.0.1", tcp.port);
      close(
        turnUntil(loop, () => {
          const fd = accept4(server, SOCK.NONBLOCK);
          return fd < 0 ? undefined : fd;
        }),
      );
      close(client);
    };
    const isRefused = () => {
      try {
        close(connected(SOCK.STREAM, "127.0.0.1", tcp.port));
        return false;
      } catch (error) {
        return isErrno(error, "ECONNREFUSED");
      }
    };
    reach(old.fd);
    const moved = { ...common, containerAddress: "127.0.0.3", protocol: "tcp", hostPort: tcp.port } as const;
    proxies.change([moved]);
    reach(now.fd);
    // One that cannot be bound changes nothing.
    const taken = bound(SOCK.STREAM, "127.0.0.1");
    expect(() => proxies.change([{ ...moved, hostPort: taken.port }])).toThrow("address already in use");
    reach(now.fd);
    close(taken.fd);
    proxies.change([]);
    expect(isRefused()).toBe(true);
    proxies.change([moved]);
    reach(now.fd);
    proxies.stop();
    expect(isRefused()).toBe(true);
    close(old.fd);
    close(now.fd);
  });
});
