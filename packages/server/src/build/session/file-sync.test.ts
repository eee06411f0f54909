import { afterAll, expect, test } from "bun:test";
import { connect, createServer, type Socket } from "node:net";
import { decodeHeader, goMode, METHODS, PACKET, Packet, type Stat } from "@berth/api/buildkit";
import { type CallHandler, serveGrpc } from "@berth/api/grpc";
import { BerthError } from "@berth/base";
import { sessionFolder } from "./file-sync.ts";
import { Session } from "./session.ts";

const open: { close(): void }[] = [];
afterAll(() => {
  for (const each of open) each.close();
});

/** A session whose client answers DiffCopy with `handler`. */
async function session(handler: CallHandler): Promise<Session> {
  const { promise, resolve } = Promise.withResolvers<Socket>();
  const server = createServer((socket) => open.push(serveGrpc(socket, { [METHODS.diffCopy]: handler })));
  server.listen(0, "127.0.0.1", () => {
    const { port } = server.address() as { port: number };
    const socket = connect(port, "127.0.0.1", () => resolve(socket));
  });
  const facts = { id: "s", name: "n", sharedKey: "key", methods: [METHODS.diffCopy] };
  const made = new Session(facts, await promise);
  open.push({
    close() {
      made.calls[Symbol.dispose]();
      server.close();
    },
  });
  return made;
}

const stat = (path: string, mode: number, size = 0): Stat => ({
  ...{ path, mode: goMode(mode), uid: 0, gid: 0, size, modTime: 7n, linkname: "", devmajor: 0, devminor: 0 },
  xattrs: {},
});
const request = { include: [], exclude: ["a, b", "ü*"], follow: ["a\nb%"] };
const never = new AbortController().signal;

test("listing, contents in any order, the end", async () => {
  const big = new Uint8Array(3_000_000).fill(65);
  let finished = false;
  let patterns: unknown;
  let encoded: unknown;
  const client = await session(async (call) => {
    patterns = ["exclude-patterns", "followpaths"].map((name) => decodeHeader(call.metadata, name));
    encoded = ["exclude-patterns", "followpaths"].map((name) => call.metadata.has(`${name}-encoded`));
    for (const each of [
      stat("dir", 0o40755),
      stat("dir/big", 0o100644, big.length),
      stat("small", 0o100755, 2),
    ]) {
      await call.write(Packet.encode({ type: PACKET.STAT, stat: each }));
    }
    await call.write(Packet.encode({ type: PACKET.STAT }));
    for await (const message of call.messages()) {
      const packet = Packet.decode(message);
      if (packet.type === PACKET.FIN) {
        finished = true;
        await call.write(Packet.encode({ type: PACKET.FIN }));
        return;
      }
      const data = packet.id === 1 ? big : new TextEncoder().encode("ok");
      for (let at = 0; at < data.length; at += 30_000) {
        await call.write(
          Packet.encode({ type: PACKET.DATA, id: packet.id, data: data.subarray(at, at + 30_000) }),
        );
      }
      await call.write(Packet.encode({ type: PACKET.DATA, id: packet.id }));
    }
  });
  const folder = sessionFolder(client, "context");
  expect(folder.key).toBe("key:context");
  {
    await using transfer = await folder.open(request, never);
    const seen: string[] = [];
    for await (const entry of transfer.entries())
      seen.push(`${entry.path} ${entry.mode.toString(8)} ${entry.mtime}`);
    expect(seen).toEqual(["dir 40755 7", "dir/big 100644 7", "small 100755 7"]);
    const first = transfer.read("dir/big");
    // The second is read first, while the first one's content comes before it.
    expect(await new Response(transfer.read("small")).text()).toBe("ok");
    expect((await new Response(first).bytes()).length).toBe(big.length);
    expect(() => transfer.read("dir")).toThrow("was not listed");
  }
  expect(finished).toBe(true);
  expect(patterns).toEqual([["a, b", "ü*"], ["a\nb%"]]);
  // Old clients know nothing of escapes, which only a control character asks for.
  expect(encoded).toEqual([false, true]);
});

test("a client that sends without end what nobody reads yet, and not what somebody waits for", async () => {
  const client = await session(async (call) => {
    for (const path of ["a", "b"]) {
      await call.write(Packet.encode({ type: PACKET.STAT, stat: stat(path, 0o100644, 1) }));
    }
    await call.write(Packet.encode({ type: PACKET.STAT }));
    const data = new Uint8Array(32 << 10);
    for await (const message of call.messages()) {
      while (Packet.decode(message).id === 1)
        await call.write(Packet.encode({ type: PACKET.DATA, id: 1, data }));
    }
  });
  await using transfer = await sessionFolder(client, "context").open(request, never);
  for await (const _ of transfer.entries());
  const waited = transfer.read("a");
  transfer.read("b");
  const failure = await new Response(waited).bytes().catch((error) => error);
  expect(failure).toMatchObject({ message: "file sync: too much content before its turn" });
});

test("a client's complaint, and one that leaves", async () => {
  const complaining = await session(async (call) => {
    await call.write(Packet.encode({ type: PACKET.ERROR, data: new TextEncoder().encode("no such folder") }));
  });
  const listing = async (client: Session) => {
    await using transfer = await sessionFolder(client, "context").open(request, never);
    for await (const _ of transfer.entries());
  };
  await expect(listing(complaining)).rejects.toThrow("failed to load context: no such folder");
  const leaving = await session(async (call) => {
    await call.write(Packet.encode({ type: PACKET.STAT, stat: stat("a", 0o100644) }));
  });
  await expect(listing(leaving)).rejects.toThrow("failed to load context");
});

test("any packets: an end or an error of ours, never a hang", async () => {
  let seed = 7;
  const random = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32;
  };
  const client = await session(async (call) => {
    for (let n = 0; n < 1 + random() * 6; n++) {
      const type = Math.floor(random() * 6);
      const message = Packet.encode({
        type,
        id: Math.floor(random() * 4),
        data: new Uint8Array(Math.floor(random() * 9)),
        ...(random() < 0.6 && { stat: stat("../../x", Math.floor(random() * 65536), 1) }),
      });
      if (random() < 0.2) message[0] = Math.floor(random() * 256);
      await call.write(message);
    }
  });
  for (let round = 0; round < 60; round++) {
    try {
      await using transfer = await sessionFolder(client, "context").open(request, never);
      const names: string[] = [];
      for await (const entry of transfer.entries()) names.push(entry.path);
      await Promise.all(names.map((name) => new Response(transfer.read(name)).bytes()));
    } catch (error) {
      expect(error).toBeInstanceOf(BerthError);
    }
  }
});
