import { expect, test } from "bun:test";
import { eventually, type RawClient, TestServer } from "./testing/test-server.ts";

/** A small generator whose run can be repeated from the seed in a failure's message. */
function random(seed: number): (limit: number) => number {
  let state = seed * 2_654_435_761;
  return (limit) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return (state >>> 8) % limit;
  };
}

const REQUESTS = [
  'POST /v1.41/containers/create?name=c&platform=linux/amd64 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{"Image":"bb"}  ',
  'GET /containers/json?all=1&limit=2&filters={"label":["a"]} HTTP/1.1\r\nHost: x\r\n\r\n',
  "GET /containers/c/logs?stdout=1&since=1.5&tail=3 HTTP/1.1\r\nHost: x\r\n\r\n",
  "POST /containers/c/attach?stream=1&stdin=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nabc",
  "PUT /containers/c/archive?path=/etc HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n",
  "POST /exec/abc/start HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 2\r\n\r\n{}",
  "GET /images/a%2Fb:c/json HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n",
];

function mutate(text: string, next: (limit: number) => number): Buffer {
  const bytes = Buffer.from(text, "latin1");
  const pieces: Buffer[] = [];
  let at = 0;
  for (let change = next(4); change >= 0; change--) {
    const cut = at + next(Math.max(1, bytes.length - at));
    pieces.push(bytes.subarray(at, cut));
    const kind = next(4);
    if (kind === 0) pieces.push(Buffer.from([next(256), next(256)]));
    if (kind === 1) pieces.push(Buffer.from("%00".repeat(next(3)) + "A".repeat(next(3000))));
    if (kind === 2) pieces.push(bytes.subarray(next(bytes.length), bytes.length));
    at = Math.min(bytes.length, cut + next(3));
  }
  pieces.push(bytes.subarray(at));
  return Buffer.concat(pieces);
}

test("fuzz: broken requests are answered or cut, and the server goes on", async () => {
  await using server = await TestServer.start();
  await server.create("c");
  using clients = new DisposableStack();
  const sent: { seed: number; client: RawClient }[] = [];
  for (let seed = 1; seed <= 400; seed++) {
    const next = random(seed);
    const client = clients.use(await server.connect());
    client.socket.write(mutate(REQUESTS[next(REQUESTS.length)] as string, next));
    client.socket.end();
    sent.push({ seed, client });
  }
  // The rest are requests that are not whole, or streams that wait.
  await eventually(() => sent.filter(({ client }) => client.text.includes("\r\n\r\n")).length > 300);
  for (const { seed, client } of sent) {
    const { text } = client;
    if (text !== "" && (!/^HTTP\/1\.1 [1-5]\d\d /.test(text) || text.startsWith("HTTP/1.1 500"))) {
      throw new Error(`seed ${seed}: ${text.slice(0, 600)}`);
    }
  }
  expect(await (await server.fetch("/_ping")).text()).toBe("OK");
}, 30_000);

test("two framings of one body are refused", async () => {
  await using server = await TestServer.start();
  using client = await server.connect();
  client.send(
    "POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /_ping HTTP/1.1\r\nHost: x\r\n\r\n",
  );
  client.socket.end();
  expect(await client.untilEnd()).toStartWith("HTTP/1.1 400 Bad Request\r\n");
});
