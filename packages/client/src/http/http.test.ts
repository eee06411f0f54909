import { describe, expect, test } from "bun:test";
import { ProtocolError } from "../errors.ts";
import type { Connection } from "../transport/connection.ts";
import { ReceiveQueue } from "../transport/receive-queue.ts";
import { bodyReader } from "./body.ts";
import { exchange, readHead } from "./exchange.ts";
import { parseHead } from "./head.ts";
import { jsonTexts } from "./json-lines.ts";
import { Response } from "./response.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** A connection that has already received `pieces`. */
function received(pieces: readonly Uint8Array[], sent: Uint8Array[] = []): Connection {
  const queue = new ReceiveQueue(
    () => {},
    () => {},
  );
  for (const piece of pieces) queue.push(piece);
  queue.end();
  return {
    read: () => queue.read(),
    unread: (chunk) => queue.unread(chunk),
    write: async (chunk) => void sent.push(chunk),
    closeWrite: () => {},
    destroy: () => queue.abort(),
    get ended() {
      return queue.ended;
    },
  };
}

function pieces(data: Uint8Array, size: number): Uint8Array[] {
  const out: Uint8Array[] = [];
  for (let at = 0; at < data.length; at += size) out.push(data.subarray(at, at + size));
  return out;
}

async function answer(connection: Connection, method = "GET"): Promise<{ text: string; complete: boolean }> {
  const head = await readHead(connection);
  let complete = false;
  const response = new Response(head, bodyReader(method, head, connection), (reusable) => {
    complete = reusable;
  });
  return { text: await response.text(), complete };
}

const CHUNKED =
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;ext=1\r\nhello\r\nA\r\n, world!!!\r\n0\r\nTrailer: x\r\n\r\n";

describe("an answer", () => {
  test("is read the same however its bytes are cut", async () => {
    const length = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 204 No Content\r\n\r\n";
    for (let size = 1; size < 40; size++) {
      expect(await answer(received(pieces(bytes(CHUNKED), size)))).toEqual({
        text: "hello, world!!!",
        complete: true,
      });
      const two = received(pieces(bytes(length), size));
      expect(await answer(two)).toEqual({ text: "hello", complete: true });
      expect(await answer(two)).toEqual({ text: "", complete: true });
    }
  });

  test("without length lasts until the end of the connection, which cannot be used again", async () => {
    expect(await answer(received([bytes("HTTP/1.0 200 OK\r\n\r\nabc")]))).toEqual({
      text: "abc",
      complete: false,
    });
  });

  test("to HEAD has no body", async () => {
    const head = "HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n";
    expect(await answer(received([bytes(head)]), "HEAD")).toEqual({ text: "", complete: true });
  });

  test.each([
    ["", "EOF"],
    ["HTTP/1.1 200 OK\r\n", "unexpected EOF"],
    ["HTTP/2 200\r\n\r\n", "malformed HTTP response"],
    ["HTTP/1.1 20 OK\r\n\r\n", "malformed HTTP response"],
    ["HTTP/1.1 200 OK\r\nbad header\r\n\r\n", "malformed header"],
    ["HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "malformed header"],
    ["HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "malformed content length"],
    ["HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "malformed content length"],
    ["HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "unexpected EOF"],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc", "unsupported transfer encoding"],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "malformed chunked encoding"],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcX", "unexpected EOF"],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcXY\r\n", "malformed chunked encoding"],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffff\r\n", "malformed chunked encoding"],
    [`HTTP/1.1 200 OK\r\nA: ${"x".repeat(70_000)}\r\n\r\n`, "too long head"],
    [`HTTP/1.1 200 OK\r\n${"A: b\r\n".repeat(500)}\r\n`, "too many headers"],
  ])("that is broken is refused: %#", async (text, message) => {
    const failure = await answer(received([bytes(text)])).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ProtocolError);
    expect((failure as Error).message).toContain(message);
  });

  test("mutated at random never hangs, and fails only as ProtocolError", async () => {
    let seed = 42;
    const random = (limit: number) => {
      seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
      return seed % limit;
    };
    for (let round = 0; round < 3000; round++) {
      const data = bytes(CHUNKED);
      for (let change = random(4) + 1; change > 0; change--) data[random(data.length)] = random(256);
      const cut = data.subarray(0, random(4) === 0 ? random(data.length) : data.length);
      try {
        await answer(received(pieces(cut, random(30) + 1)));
      } catch (error) {
        expect(error).toBeInstanceOf(ProtocolError);
      }
    }
  });

  test("joins repeated headers and lowers their names", () => {
    const head = parseHead(bytes("HTTP/1.1 101 UPGRADED\r\nX-A: 1\r\nx-a:2  \r\nE:\r\n\r\n"));
    expect(head.status).toBe(101);
    expect(head.reason).toBe("UPGRADED");
    expect([...head.headers]).toEqual([
      ["x-a", "1, 2"],
      ["e", ""],
    ]);
  });
});

describe("a request", () => {
  test("is written with its body in one piece, with length", async () => {
    const sent: Uint8Array[] = [];
    const connection = received([bytes("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n")], sent);
    const { head } = await exchange(connection, {
      method: "POST",
      target: "/x?a=b",
      headers: { Host: "h" },
      body: bytes("{}"),
    });
    expect(head.status).toBe(200);
    expect(sent.map((chunk) => new TextDecoder().decode(chunk))).toEqual([
      "POST /x?a=b HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}",
    ]);
  });

  test("cannot smuggle headers", async () => {
    const attempt = exchange(received([]), { method: "GET", target: "/", headers: { A: "b\r\nC: d" } });
    await expect(attempt).rejects.toThrow("invalid value of header");
  });
});

test("JSON values are found whether or not lines part them", async () => {
  async function* stream() {
    yield bytes('{"a":1}\n{"b":"}{"}{"c":');
    yield bytes("[2]} {}\n\n");
    yield bytes('{"d":3}');
  }
  const found: string[] = [];
  for await (const text of jsonTexts(stream())) found.push(text);
  expect(found).toEqual(['{"a":1}', '{"b":"}{"}', '{"c":[2]}', "{}", '{"d":3}']);
});
