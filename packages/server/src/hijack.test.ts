import { describe, expect, test } from "bun:test";
import { eventually, TestServer } from "./testing/test-server.ts";

const UPGRADE = "Host: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n";
const attach = (name: string, query = "stdin=1&stdout=1&stream=1", version = "v1.51") =>
  `POST /${version}/containers/${name}/attach?${query} HTTP/1.1\r\n${UPGRADE}Content-Length: 0\r\n\r\n`;

test("attach: 101, both directions, and output still comes after the client's half-close", async () => {
  await using server = await TestServer.start();
  await server.create("c");
  await server.post("/containers/c/start");
  using client = await server.connect();
  client.send(attach("c"));
  const head = await client.until("\r\n\r\n");
  expect(head).toStartWith("HTTP/1.1 101 UPGRADED\r\n");
  expect(head).toContain("Content-Type: application/vnd.docker.multiplexed-stream\r\n");
  expect(head).toContain("Connection: Upgrade\r\nUpgrade: tcp\r\n");
  client.send("hello");
  await client.until("hello");
  client.socket.end();
  expect(await client.untilEnd()).toEndWith("hellobye");
});

test("attach before the start: what is typed waits for the process", async () => {
  await using server = await TestServer.start();
  await server.create("c");
  using client = await server.connect();
  client.send(`${attach("c")}typed early`);
  await client.until("\r\n\r\n");
  await eventually(() => server.engine.find("c").streams[0]?.received === "typed early".length);
  expect(client.text).not.toContain("typed early");
  await server.post("/containers/c/start");
  await client.until("typed early");
});

test("the content type tells terminal from multiplexed streams since API 1.42", async () => {
  await using server = await TestServer.start();
  await server.create("plain");
  await server.create("tty", { Tty: true });
  for (const [name, version, type] of [
    ["plain", "v1.41", "raw"],
    ["plain", "v1.42", "multiplexed"],
    ["tty", "v1.42", "raw"],
  ] as const) {
    using client = await server.connect();
    client.send(attach(name, "stream=1&stdout=1", version));
    expect(await client.until("\r\n\r\n")).toContain(`application/vnd.docker.${type}-stream`);
  }
});

test("attach without an upgrade gets 200 and the raw stream", async () => {
  await using server = await TestServer.start();
  await server.create("c");
  using client = await server.connect();
  client.send("POST /containers/c/attach?stdout=1&stream=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
  expect(await client.until("\r\n\r\n")).toStartWith(
    "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.",
  );
  server.engine.find("c").streams[0]?.say(Buffer.from("output"));
  await client.until("output");
  server.engine.find("c").streams[0]?.finish();
  await client.untilEnd();
});

test("attach to what is not there: 404 in the stream's clothes, connection closed", async () => {
  await using server = await TestServer.start();
  using client = await server.connect();
  client.send(attach("nope"));
  const answer = await client.untilEnd();
  expect(answer).toStartWith("HTTP/1.1 404 Not Found\r\n");
  expect(answer).toEndWith("\r\n\r\nNo such container: nope\r\n");
});

test("detach keys end the attachment of a terminal, and what follows them is dropped", async () => {
  await using server = await TestServer.start();
  await server.create("c", { Tty: true });
  await server.post("/containers/c/start");
  using client = await server.connect();
  client.send(attach("c"));
  await client.until("\r\n\r\n");
  client.send("a\x10");
  await client.until("a");
  client.send("b\x10\x11c");
  expect((await client.untilEnd()).split("\r\n\r\n")[1]).toBe("a\x10b");
  expect(server.engine.last("detached")).toEqual(["c"]);
  expect(server.engine.find("c").running).toBe(true);
});

test("without a terminal the same bytes are data", async () => {
  await using server = await TestServer.start();
  await server.create("c");
  await server.post("/containers/c/start");
  using client = await server.connect();
  client.send(attach("c"));
  await client.until("\r\n\r\n");
  client.send("\x10\x11x");
  await client.until("\x10\x11x");
});

test("own detach keys; wrong ones are refused", async () => {
  await using server = await TestServer.start();
  await server.create("c", { Tty: true });
  await server.post("/containers/c/start");
  using client = await server.connect();
  client.send(attach("c", "stdin=1&stream=1&detachKeys=ctrl-a,d"));
  await client.until("\r\n\r\n");
  client.send("\x01d");
  await client.untilEnd();
  using second = await server.connect();
  second.send(attach("c", "stream=1&detachKeys=foo-x"));
  expect(await second.untilEnd()).toEndWith("Invalid detach keys (foo-x) provided\r\n");
});

test("a client that vanishes frees the container's side", async () => {
  await using server = await TestServer.start();
  await server.create("c");
  await server.post("/containers/c/start");
  const client = await server.connect();
  client.send(attach("c", "stdout=1&stream=1"));
  await client.until("\r\n\r\n");
  expect(server.engine.active.size).toBe(1);
  client.socket.destroy();
  // A unix socket's peer that is gone shows at the latest with the next output.
  await eventually(() => {
    server.engine.find("c").streams[0]?.say(Buffer.from("x"));
    return server.engine.active.size === 0;
  });
});

test("input is dropped when stdin was not asked for", async () => {
  await using server = await TestServer.start();
  await server.create("c");
  await server.post("/containers/c/start");
  using client = await server.connect();
  client.send(`${attach("c", "stdout=1&stream=1")}ignored`);
  await client.until("\r\n\r\n");
  client.socket.end();
  server.engine.find("c").streams[0]?.say(Buffer.from("still here"));
  await client.until("still here");
  expect(server.engine.find("c").streams[0]?.received).toBe(0);
});

test("back-pressure: a client that does not read pauses the container's side", async () => {
  await using server = await TestServer.start();
  await server.create("c");
  await server.post("/containers/c/start");
  using client = await server.connect();
  client.send(attach("c"));
  await client.until("\r\n\r\n");
  const head = client.bytes;
  client.socket.pause();
  const stream = server.engine.find("c").streams[0];
  if (stream === undefined) throw new Error("no stream");
  const chunk = new Uint8Array(65_536);
  let said = 0;
  while (!stream.paused) {
    stream.say(chunk);
    said += chunk.length;
    if (said > 64 << 20) throw new Error("never paused");
  }
  client.socket.resume();
  await eventually(() => !stream.paused);
  await eventually(() => client.bytes - head === said);
});

test("exec start: the request's body is read, then the stream begins", async () => {
  await using server = await TestServer.start();
  await server.create("c");
  const created = (await (
    await server.post("/containers/c/exec", { Cmd: ["cat"], AttachStdin: true })
  ).json()) as {
    Id: string;
  };
  using client = await server.connect();
  const body = '{"Detach":false,"Tty":true,"ConsoleSize":[24,80]}';
  client.send(
    `POST /v1.51/exec/${created.Id}/start HTTP/1.1\r\n${UPGRADE}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 7)}`,
  );
  client.send(`${body.slice(7)}typed`);
  const text = await client.until("typed");
  expect(text).toStartWith("HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n");
  expect(server.engine.last("exec start")).toEqual([created.Id, { tty: true, consoleSize: [24, 80] }]);
});

test("exec start: what cannot run is told in the stream; an unknown exec is a 404", async () => {
  await using server = await TestServer.start();
  await server.create("c");
  const { Id } = (await (await server.post("/containers/c/exec", { Cmd: ["missing"] })).json()) as {
    Id: string;
  };
  using client = await server.connect();
  client.send(
    `POST /exec/${Id}/start HTTP/1.1\r\n${UPGRADE}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`,
  );
  const told = 'OCI runtime exec failed: exec failed: "missing": executable file not found in $PATH\r\n';
  expect(await client.untilEnd()).toEndWith(`\x01\0\0\0\0\0\0${String.fromCharCode(told.length)}${told}`);
  const answer = await server.post("/exec/nope/start", {});
  expect(answer.status).toBe(404);
  expect(await answer.json()).toEqual({ message: "No such exec instance: nope" });
});

describe("an exec with one request", () => {
  const exec = (body: string) =>
    `POST /v1.51/containers/c/exec HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: berth-exec\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const status = (code: string) =>
    `\x04\0\0\0\0\0\0${String.fromCharCode(13 + code.length)}{"ExitCode":${code}}`;

  test("is made and started, and its exit code ends the stream", async () => {
    await using server = await TestServer.start();
    await server.create("c");
    using client = await server.connect();
    client.send(exec('{"Cmd":["cat"],"AttachStdin":true}'));
    expect(await client.until("\r\n\r\n")).toContain("Upgrade: berth-exec\r\n");
    client.send("typed");
    await client.until("typed");
    client.socket.end();
    expect(await client.untilEnd()).toEndWith(`typedbye${status("7")}`);
  });

  test("tells in the stream what cannot run, and the exit code", async () => {
    await using server = await TestServer.start();
    await server.create("c");
    using client = await server.connect();
    client.send(exec('{"Cmd":["missing"]}'));
    const answer = await client.untilEnd();
    expect(answer).toContain('"missing": executable file not found in $PATH\r\n');
    expect(answer).toEndWith(status("127"));
  });

  test("is only made when it has a terminal, and refused as ever", async () => {
    await using server = await TestServer.start();
    await server.create("c");
    using terminal = await server.connect();
    terminal.send(exec('{"Cmd":["sh"],"Tty":true}'));
    expect(await terminal.untilEnd()).toStartWith("HTTP/1.1 201 Created\r\n");
    using wrong = await server.connect();
    wrong.send(exec("{}"));
    expect(await wrong.untilEnd()).toContain('{"message":"No exec command specified"}');
  });
});

describe("a container run with one request", () => {
  const run = (body: object) => {
    const text = JSON.stringify({ Image: "bb", AttachStdin: true, AttachStdout: true, ...body });
    return `POST /v1.51/containers/create?name=c HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: berth-run\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
  };
  const outcome = (json: string) => `\x04\0\0\0\0\0\0${String.fromCharCode(json.length)}${json}`;

  test("is made, attached to, waited for and started; its outcome ends the stream", async () => {
    await using server = await TestServer.start();
    using client = await server.connect();
    client.send(run({ Cmd: ["cat"], HostConfig: { AutoRemove: true } }));
    const head = await client.until("\r\n\r\n");
    const created = /Berth-Created: (.*)\r\n/.exec(head)?.[1] ?? "";
    const container = server.engine.find("c");
    expect(JSON.parse(decodeURIComponent(created))).toEqual({ Id: container.id, Warnings: [] });
    client.send("typed");
    await client.until("typed");
    client.socket.end();
    await client.until("bye");
    // The stream's end is not the container's.
    server.engine.stop(container, 7);
    expect(await client.untilEnd()).toEndWith(`typedbye${outcome('{"Error":null,"StatusCode":7}')}`);
    expect(server.engine.calls.map(({ operation }) => operation)).toEqual([
      "create",
      "attach",
      "wait",
      "start",
    ]);
    expect(server.engine.last("attach")[1]).toMatchObject({ stdin: true, stdout: true, stderr: false });
    expect(server.engine.last("wait")[1]).toBe("removed");
  });

  test("tells in the stream what a start would answer", async () => {
    await using server = await TestServer.start();
    using client = await server.connect();
    client.send(run({ Cmd: ["missing"] }));
    expect(await client.untilEnd()).toEndWith(
      '{"NotStarted":{"status":400,"message":"exec: \\"missing\\": executable file not found in $PATH"}}',
    );
  });

  test("is left by a client that goes away", async () => {
    await using server = await TestServer.start();
    using client = await server.connect();
    client.send(run({ Cmd: ["cat"] }));
    await client.until("\r\n\r\n");
    await eventually(() => server.engine.active.size > 0);
    client.socket.destroy();
    await eventually(() => server.engine.active.size === 0);
    expect(server.engine.find("c").running).toBe(true);
  });

  test("is only made when it has a terminal, and refused as ever", async () => {
    await using server = await TestServer.start();
    using terminal = await server.connect();
    terminal.send(run({ Tty: true }));
    expect(await terminal.untilEnd()).toStartWith("HTTP/1.1 201 Created\r\n");
    using again = await server.connect();
    again.send(run({}));
    expect(await again.untilEnd()).toStartWith("HTTP/1.1 409 Conflict\r\n");
  });
});

test("an ordinary route answers a request that offers an upgrade", async () => {
  await using server = await TestServer.start();
  using client = await server.connect();
  client.send(
    "GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n",
  );
  const answer = await client.untilEnd();
  expect(answer).toStartWith("HTTP/1.1 200 OK\r\n");
  expect(answer).toEndWith("OK");
});
