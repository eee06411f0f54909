import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  AF,
  accept4,
  bind,
  close,
  connect,
  EPOLL,
  Loop,
  listen,
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
import { createSandbox, type NetworkSandbox } from "../sandbox/sandbox.ts";
import { makeQuery } from "../testing/dns.ts";
import { inNewNetwork, turnUntil } from "../testing/namespace.ts";
import { parseQuery, type Query, RCODE, TYPE, writeResponse } from "./message.ts";
import { DnsServer } from "./server.ts";
import { formatZone } from "./zone.ts";

const DNS = { family: "inet", address: "127.0.0.11", port: 53 } as const;

/** A name server in the host's namespace, on loopback addresses. `answer` undefined: it stays silent. */
function upstream(
  loop: Loop,
  address: string,
  answer: (query: Query, tcp: boolean) => Uint8Array | undefined,
) {
  const seen: string[] = [];
  const udp = socket(AF.INET, SOCK.DGRAM | SOCK.NONBLOCK);
  bind(udp, { family: "inet", address, port: 53 });
  loop.add(udp, EPOLL.IN, () => {
    const buffer = new Uint8Array(4096);
    const got = recvfrom(udp, buffer)!;
    const query = parseQuery(buffer.subarray(0, got.count)) as Query;
    seen.push(`udp ${query.name}${query.edns ? " edns" : ""}`);
    const response = answer(query, false);
    if (response !== undefined) sendto(udp, response, 0, response.length, 0, got.from);
  });
  const tcp = socket(AF.INET, SOCK.STREAM | SOCK.NONBLOCK);
  setsockopt(tcp, SOL.SOCKET, SO.REUSEADDR, 1);
  bind(tcp, { family: "inet", address, port: 53 });
  listen(tcp);
  loop.add(tcp, EPOLL.IN, () => {
    const client = accept4(tcp, SOCK.NONBLOCK);
    loop.add(client, EPOLL.IN, () => {
      const buffer = new Uint8Array(4096);
      const count = recv(client, buffer);
      if (count <= 0) {
        loop.remove(client);
        close(client);
        return;
      }
      const query = parseQuery(buffer.subarray(2, count)) as Query;
      seen.push(`tcp ${query.name}`);
      const response = answer(query, true);
      if (response !== undefined) send(client, frame(response));
    });
  });
  return { seen };
}

function frame(message: Uint8Array): Uint8Array {
  return Uint8Array.of(message.length >>> 8, message.length & 0xff, ...message);
}

interface Fixture {
  loop: Loop;
  sandbox: NetworkSandbox;
  server: DnsServer;
  zone: string;
  udp: (query: Uint8Array) => Uint8Array;
}

function withServer(upstreams: string[], action: (fixture: Fixture) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "berth-dns-"));
  try {
    inNewNetwork(() => {
      using loop = new Loop();
      using sandbox = createSandbox({ mode: "none", endpoints: [] });
      const zone = join(folder, "zone");
      writeFileSync(
        zone,
        formatZone({ network: "net", hosts: [{ names: ["web"], addresses: ["172.18.0.2"] }] }),
      );
      const plan = { zoneFiles: [zone], upstreams, search: [], options: [] };
      const server = new DnsServer(loop, sandbox, plan, { udp: 100, tcp: 1000 });
      const udp = (query: Uint8Array) => {
        const client = sandbox.inside(() => socket(AF.INET, SOCK.DGRAM | SOCK.NONBLOCK));
        try {
          sandbox.inside(() => connect(client, DNS));
          send(client, query);
          const buffer = new Uint8Array(4096);
          const count = turnUntil(loop, () => {
            const got = recv(client, buffer);
            return got < 0 ? undefined : got;
          });
          return buffer.slice(0, count);
        } finally {
          close(client);
        }
      };
      try {
        action({ loop, sandbox, server, zone, udp });
      } finally {
        server.stop();
      }
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const rcodeOf = (response: Uint8Array) => response[3]! & 0xf;
const answersOf = (response: Uint8Array) => (response[6]! << 8) | response[7]!;
const ok = (query: Query) =>
  writeResponse(query, RCODE.NOERROR, [{ type: TYPE.A, ttl: 1, data: Uint8Array.of(9, 9, 9, 9) }], 4096);

test("names are answered from the zone file, and port 53 stays free for the container", () => {
  withServer([], ({ udp, sandbox, zone }) => {
    const response = udp(makeQuery("web.net", TYPE.A, 77));
    expect([response[0], response[1], rcodeOf(response), answersOf(response)]).toEqual([0, 77, 0, 1]);
    expect([...response.subarray(-4)]).toEqual([172, 18, 0, 2]);
    const own = sandbox.inside(() => socket(AF.INET, SOCK.DGRAM));
    sandbox.inside(() => bind(own, { family: "inet", address: "0.0.0.0", port: 53 }));
    expect(answersOf(udp(makeQuery("web", TYPE.A)))).toBe(1);
    close(own);
    writeFileSync(
      zone,
      formatZone({ network: "net", hosts: [{ names: ["other"], addresses: ["172.18.0.3"] }] }),
    );
    expect(rcodeOf(udp(makeQuery("web", TYPE.A)))).toBe(RCODE.SERVFAIL);
    expect(answersOf(udp(makeQuery("other", TYPE.A)))).toBe(1);
  });
});

test("broken queries are refused", () => {
  withServer([], ({ udp }) => {
    const broken = makeQuery("web", TYPE.A);
    broken[5] = 3;
    expect(rcodeOf(udp(broken))).toBe(RCODE.FORMERR);
  });
});

test("many queries at once are all answered", () => {
  withServer([], ({ loop, sandbox }) => {
    const client = sandbox.inside(() => socket(AF.INET, SOCK.DGRAM | SOCK.NONBLOCK));
    setsockopt(client, SOL.SOCKET, SO.RCVBUFFORCE, 4 << 20);
    sandbox.inside(() => connect(client, DNS));
    for (let id = 1; id <= 2000; id++) send(client, makeQuery("web", TYPE.A, id));
    const got = new Set<number>();
    const buffer = new Uint8Array(512);
    turnUntil(loop, () => {
      while (recv(client, buffer) > 0) got.add((buffer[0]! << 8) | buffer[1]!);
      return got.size === 2000 ? true : undefined;
    });
    close(client);
  });
});

test("other names go to the upstream servers of the host, unchanged but for the id", () => {
  withServer(["127.0.0.1"], ({ udp, loop }) => {
    const { seen } = upstream(loop, "127.0.0.1", ok);
    const response = udp(makeQuery("debian.org", TYPE.A, 4242, 1400));
    expect([(response[0]! << 8) | response[1]!, answersOf(response)]).toEqual([4242, 1]);
    expect(seen).toEqual(["udp debian.org edns"]);
  });
});

test("a server that refuses, or where nobody listens, is passed over", () => {
  withServer(["127.0.0.3", "127.0.0.1", "127.0.0.2"], ({ udp, loop }) => {
    const first = upstream(loop, "127.0.0.1", (query) => writeResponse(query, RCODE.SERVFAIL, [], 512));
    const second = upstream(loop, "127.0.0.2", ok);
    expect(answersOf(udp(makeQuery("a.b", TYPE.A)))).toBe(1);
    expect([first.seen.length, second.seen.length]).toEqual([1, 1]);
  });
});

test("a server that is silent is passed over after a while", () => {
  withServer(["127.0.0.1", "127.0.0.2"], ({ udp, loop }) => {
    upstream(loop, "127.0.0.1", () => undefined);
    upstream(loop, "127.0.0.2", ok);
    expect(answersOf(udp(makeQuery("a.b", TYPE.A)))).toBe(1);
  });
});

test("a forged answer is not taken", () => {
  withServer(["127.0.0.1"], ({ udp, loop }) => {
    let calls = 0;
    upstream(loop, "127.0.0.1", (query) => {
      calls++;
      if (calls > 1) return ok(query);
      const forged = ok({ ...query, id: (query.id + 1) & 0xffff });
      forged[forged.length - 1] = 66;
      return forged;
    });
    expect([...udp(makeQuery("a.b", TYPE.A)).subarray(-4)]).toEqual([9, 9, 9, 9]);
    expect(calls).toBe(2);
  });
});

test("the answer of the last refusing server comes through; without servers it is SERVFAIL", () => {
  withServer(["127.0.0.1"], ({ udp, loop, server }) => {
    upstream(loop, "127.0.0.1", (query) => writeResponse(query, RCODE.REFUSED, [], 512));
    expect(rcodeOf(udp(makeQuery("a.b", TYPE.A)))).toBe(RCODE.REFUSED);
    server.update({ zoneFiles: [], upstreams: [], search: [], options: ["ndots:1"] });
    expect(rcodeOf(udp(makeQuery("a.b", TYPE.A)))).toBe(RCODE.SERVFAIL);
    expect(rcodeOf(udp(makeQuery("single", TYPE.A)))).toBe(RCODE.NOERROR);
  });
});

test("over TCP: many queries on one connection, forwarded by TCP, half-closed client", () => {
  withServer(["127.0.0.1"], ({ loop, sandbox }) => {
    const { seen } = upstream(loop, "127.0.0.1", (query, tcp) => (tcp ? ok(query) : undefined));
    const client = sandbox.inside(() => socket(AF.INET, SOCK.STREAM));
    sandbox.inside(() => connect(client, DNS));
    const queries = [
      makeQuery("web", TYPE.A, 1),
      makeQuery("a.b", TYPE.A, 2),
      makeQuery("web.net", TYPE.A, 3),
    ];
    for (let id = 4; id < 60; id++) queries.push(makeQuery("web", TYPE.A, id));
    const bytes = Buffer.concat(queries.map(frame));
    // In two pieces, so that a message is cut.
    send(client, bytes, 0, 30);
    loop.turn(20);
    send(client, bytes, 30);
    shutdown(client, SHUT.WR);
    const got: number[] = [];
    let received = new Uint8Array();
    turnUntil(loop, () => {
      const buffer = new Uint8Array(65_536);
      const count = recv(client, buffer, 0, buffer.length, 0x40);
      if (count > 0) received = Uint8Array.from([...received, ...buffer.subarray(0, count)]);
      while (received.length > 2 && received.length >= 2 + ((received[0]! << 8) | received[1]!)) {
        const size = (received[0]! << 8) | received[1]!;
        got.push((received[2]! << 8) | received[3]!);
        received = received.slice(2 + size);
      }
      return count === 0 ? true : undefined;
    });
    expect(got.sort((a, b) => a - b)).toEqual(queries.map((_, at) => at + 1));
    expect(seen).toEqual(["tcp a.b"]);
    close(client);
  });
});
