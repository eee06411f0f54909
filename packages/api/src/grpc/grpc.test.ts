import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BytesMessage, RpcStatus, session } from "../buildkit/index.ts";
import { FrameParser, frame } from "./frames.ts";
import { CODE, GrpcClient, GrpcError, type Services, serveGrpc, unary } from "./index.ts";

const open: { close(): void }[] = [];
afterAll(() => {
  for (const each of open) each.close();
});

async function pair(services: Services): Promise<GrpcClient> {
  const { promise, resolve } = Promise.withResolvers<Socket>();
  const server = createServer((socket) => open.push(serveGrpc(socket, services)));
  server.listen(0, "127.0.0.1", () => {
    const { port } = server.address() as { port: number };
    const socket = connect(port, "127.0.0.1", () => resolve(socket));
  });
  const client = new GrpcClient(await promise);
  open.push({
    close() {
      client[Symbol.dispose]();
      server.close();
    },
  });
  return client;
}

test("a call with one message each way; errors keep code, text and details", async () => {
  const client = await pair({
    [session.METHODS.getSecret]: unary(session.GetSecretRequest, session.GetSecretResponse, ({ ID }) => {
      if (ID === "absent") {
        throw new GrpcError(
          CODE.NOT_FOUND,
          'secret "ü%\n" not found',
          RpcStatus.encode({ code: 5, message: "m" }),
        );
      }
      return { data: Buffer.from(`value of ${ID}`) };
    }),
  });
  const get = (ID: string) =>
    client.unary(session.METHODS.getSecret, session.GetSecretRequest, { ID }, session.GetSecretResponse);
  expect(Buffer.from((await get("a")).data).toString()).toBe("value of a");
  const error = await get("absent").catch((thrown) => thrown);
  expect(error).toBeInstanceOf(GrpcError);
  expect([error.code, error.message]).toEqual([CODE.NOT_FOUND, 'secret "ü%\n" not found']);
  expect(RpcStatus.decode(error.details).message).toBe("m");
  const unknown = await client
    .unary("/no.Such/Thing", session.GetSecretRequest, {}, session.GetSecretResponse)
    .catch((thrown) => thrown);
  expect([unknown.code, unknown.message]).toEqual([
    12,
    "unknown service or method Thing for service no.Such",
  ]);
});

test("a message that cannot be read, or is too large, is told by the call's status", async () => {
  const client = await pair({
    [session.METHODS.getSecret]: unary(session.GetSecretRequest, session.GetSecretResponse, () => ({})),
    "/x.Y/First": async (call) => {
      for await (const _ of call.messages()) throw new GrpcError(CODE.NOT_FOUND, "left early");
    },
  });
  const status = async (path: string, message: Uint8Array) => {
    const call = client.stream(path);
    await call.write(message).catch(() => {});
    call.end();
    try {
      for await (const _ of call.messages());
      return "answered";
    } catch (error) {
      return (error as Error).message;
    }
  };
  const { getSecret } = session.METHODS;
  expect(await status(getSecret, Buffer.from("0aff", "hex"))).not.toMatch(/EOF|closed|answered/);
  expect(await status("/x.Y/First", new Uint8Array(3))).toBe("left early");
  expect(await status(getSecret, new Uint8Array(17 << 20))).toContain("larger than max");
  expect(await status(getSecret, session.GetSecretRequest.encode({ ID: "a" }))).toBe("answered");
});

test("streams both ways, metadata with several values of a name", async () => {
  let seen: unknown;
  const client = await pair({
    "/x.Y/Echo": async (call) => {
      seen = call.metadata.get("exclude-patterns");
      for await (const message of call.messages()) await call.write(message);
    },
  });
  const call = client.stream("/x.Y/Echo", { metadata: { "exclude-patterns": ["a, b", "c"] } });
  const chunk = new Uint8Array(100_000).fill(7);
  const sending = (async () => {
    for (let n = 0; n < 100; n++) await call.write(BytesMessage.encode({ data: chunk }));
    call.end();
  })();
  let size = 0;
  for await (const message of call.messages()) size += BytesMessage.decode(message).data.length;
  await sending;
  expect(size).toBe(100 * chunk.length);
  expect(seen).toEqual(["a, b", "c"]);
});

test("cancelling reaches the other side", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const client = await pair({
    "/x.Y/Wait": (call) =>
      new Promise((_, reject) => {
        call.signal.addEventListener("abort", () => {
          resolve();
          reject(call.signal.reason);
        });
      }),
  });
  const controller = new AbortController();
  const call = client.stream("/x.Y/Wait", { signal: controller.signal });
  await call.write(new Uint8Array(0));
  const ended = (async () => {
    for await (const _ of call.messages());
  })();
  setTimeout(() => controller.abort(new Error("enough")), 20);
  await expect(ended).rejects.toThrow("enough");
  await promise;
});

test("frames come whole however they are cut", () => {
  const all = Buffer.concat([
    frame(new Uint8Array(0)),
    frame(Buffer.from("abc")),
    frame(new Uint8Array(70_000)),
  ]);
  for (const step of [1, 4, 5, 6, 1000, all.length]) {
    const parser = new FrameParser();
    const lengths: number[] = [];
    for (let at = 0; at < all.length; at += step) {
      for (const each of parser.push(all.subarray(at, at + step))) lengths.push(each.length);
    }
    expect(lengths).toEqual([0, 3, 70_000]);
    expect(parser.pending).toBe(0);
  }
  expect(() => new FrameParser().push(Buffer.from("0100000000", "hex"))).toThrow("compressed");
  expect(() => new FrameParser().push(Buffer.from("00ffffffff", "hex"))).toThrow("larger than max");
});

test.each(["server", "client"] as const)(
  "a %s closes a connection whose other end sends no more",
  async (side) => {
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      if (side === "server") open.push(serveGrpc(socket, {}));
      else {
        const client = new GrpcClient(socket);
        open.push({ close: () => client[Symbol.dispose]() });
      }
    });
    const path = join(mkdtempSync(join(tmpdir(), "berth-grpc-")), "socket");
    await new Promise<void>((listening) => server.listen(path, () => listening()));
    const peer = connect({ path, allowHalfOpen: true }, () => peer.end("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
    peer.on("error", () => {}).on("data", () => {});
    peer.once("end", end);
    await ended;
    peer.destroy();
    server.close();
    rmSync(join(path, ".."), { recursive: true });
  },
);
