import { expect, test } from "bun:test";
import { eventually, TestServer } from "./testing/test-server.ts";

test("events: headers and past events at once, nanoseconds whole, freed when the client leaves", async () => {
  await using server = await TestServer.start();
  const leaving = new AbortController();
  const answer = await server.fetch("/events?since=1", { signal: leaving.signal });
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  const { value } = await reader.read();
  expect(new TextDecoder().decode(value)).toEndWith('"timeNano":1795373934320704765}\n');
  expect(server.engine.active.size).toBe(1);
  leaving.abort();
  await eventually(() => server.engine.active.size === 0);
});

test("following logs ends when the daemon shuts down", async () => {
  await using server = await TestServer.start();
  await server.create("c");
  const answer = await server.fetch("/containers/c/logs?stdout=1&follow=1");
  expect(answer.headers.get("content-type")).toBe("application/vnd.docker.multiplexed-stream");
  server.shutdown.abort();
  expect(await answer.text()).toBe("first line\n");
  expect(server.engine.active.size).toBe(0);
});

test("a waiting client that leaves is forgotten", async () => {
  await using server = await TestServer.start();
  await server.create("c");
  using client = await server.connect();
  client.send("POST /containers/c/wait HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
  await client.until("200 OK");
  expect(server.engine.active.size).toBe(1);
  client.socket.destroy();
  await eventually(() => server.engine.active.size === 0);
});

test("a long answer waits for a slow reader, and nothing is lost", async () => {
  await using server = await TestServer.start();
  await server.create("c");
  const total = 400;
  let made = 0;
  server.engine.logChunks = (async function* () {
    for (; made < total; made++) yield new Uint8Array(65_536).fill(made & 0xff);
  })();
  using client = await server.connect();
  client.send("GET /containers/c/logs?stdout=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  await client.until("\r\n\r\n");
  client.socket.pause();
  let before = -1;
  while (before !== made) {
    before = made;
    for (let turn = 0; turn < 50; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
  }
  expect(made).toBeLessThan(total);
  client.socket.resume();
  await client.untilEnd();
  expect(made).toBe(total);
  expect(client.bytes).toBeGreaterThan(total * 65_536);
});

test("an answer that breaks off is seen as broken", async () => {
  await using server = await TestServer.start();
  await server.create("c");
  server.engine.logChunks = (async function* () {
    yield Buffer.from("half");
    throw new Error("the disk is gone");
  })();
  using client = await server.connect();
  client.send("GET /containers/c/logs?stdout=1 HTTP/1.1\r\nHost: x\r\n\r\n");
  const text = await client.untilEnd();
  expect(text).toContain("half");
  expect(text).not.toContain("\r\n0\r\n\r\n");
});

test("a failure before the first byte has its status", async () => {
  await using server = await TestServer.start();
  await server.create("c");
  server.engine.logChunks = {
    [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error("cannot read the log")) }),
  };
  const answer = await server.fetch("/containers/c/logs?stdout=1");
  expect([answer.status, await answer.json()]).toEqual([500, { message: "cannot read the log" }]);
});

test("progress: a failure after the first message is the last message", async () => {
  await using server = await TestServer.start();
  const answer = await server.post("/images/create?fromImage=x&tag=y");
  expect(answer.headers.get("content-type")).toBe("application/json");
  expect(await answer.text()).toBe(
    '{"status":"Pulling"}\r\n{"errorDetail":{"message":"pull access denied"},"error":"pull access denied"}\r\n',
  );
});

test("an upload arrives whole", async () => {
  await using server = await TestServer.start();
  const bytes = new Uint8Array(3 << 20).map((_, index) => index * 31);
  const answer = await server.fetch("/images/load?quiet=1", { method: "POST", body: bytes });
  expect(await answer.text()).toBe('{"stream":"begun\\n"}\r\n{"stream":"done\\n"}\r\n');
  expect(Buffer.concat(server.engine.uploads).equals(bytes)).toBe(true);
});

test("an upload that breaks off is an error, not a short archive", async () => {
  await using server = await TestServer.start();
  for (const framing of [
    "Content-Length: 1000\r\n\r\nhalf",
    "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
  ]) {
    server.engine.uploads.length = 0;
    using client = await server.connect();
    client.send(`POST /images/load HTTP/1.1\r\nHost: x\r\n${framing}`);
    await client.until("begun");
    await eventually(() => server.engine.uploads.length === 1);
    client.socket.end();
    const text = await client.untilEnd();
    expect(text).not.toContain("done");
  }
});

test("a refused upload's body does not keep the client from reading the answer", async () => {
  await using server = await TestServer.start();
  await server.create("c");
  const answer = await server.fetch("/containers/c/archive?path=/refused", {
    method: "PUT",
    body: new Uint8Array(512 << 10),
  });
  expect([answer.status, await answer.json()]).toEqual([
    404,
    { message: "Could not find the file /refused in container c" },
  ]);
});

test("stats: one message without a stream", async () => {
  await using server = await TestServer.start();
  await server.create("c");
  const answer = await server.fetch("/containers/c/stats?stream=0&one-shot=1");
  expect(await answer.text()).toBe('{"name":"/c"}\n');
  expect(server.engine.last("stats")).toEqual(["c", { stream: false, oneShot: true }]);
  const wrong = await server.fetch("/containers/c/stats?one-shot=1");
  expect([wrong.status, await wrong.json()]).toEqual([
    400,
    { message: "cannot have stream=true and one-shot=true" },
  ]);
});
