import { afterAll, beforeAll, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { listenUnix as bindUnix, close } from "@berth/linux";
import { Api } from "../api.ts";
import { Gate } from "../gate.ts";
import { FakeEngine, fakeBackends } from "../testing/fake-backends.ts";
import { RawClient } from "../testing/test-server.ts";
import { listen } from "./server.ts";
import { findGroup } from "./unix-socket.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "berth-listen-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const api = () =>
  new Api(fakeBackends(new FakeEngine()), { engineVersion: "0", shutdown: new AbortController().signal });
const groupId = process.getgid?.() ?? 0;

test("unix: mode 0660, a dead socket is replaced, a living one is not, the path is freed at the end", async () => {
  const path = join(directory, "new/api.sock");
  const endpoint = { kind: "unix", path } as const;
  const [first] = await listen(api(), { endpoint, groupId });
  expect(statSync(path).mode & 0o777).toBe(0o660);
  await expect(listen(api(), { endpoint, groupId })).rejects.toThrow(
    `listen unix ${path}: bind: address already in use`,
  );
  await first?.close();
  expect(existsSync(path)).toBe(false);

  const script = `require("net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))`;
  spawnSync(process.execPath, ["-e", script, path]);
  expect(existsSync(path)).toBe(true);
  const [second] = await listen(api(), { endpoint, groupId });
  expect((await fetch("http://x/_ping", { unix: path })).status).toBe(200);
  await second?.close();
});

test("unix: a file in the way is left alone", async () => {
  const path = join(directory, "precious");
  writeFileSync(path, "data");
  await expect(listen(api(), { endpoint: { kind: "unix", path }, groupId })).rejects.toThrow(
    "is not a socket",
  );
  expect(statSync(path).size).toBe(4);
});

test("unix: a path that is too long", async () => {
  const path = join(directory, "x".repeat(120));
  await expect(listen(api(), { endpoint: { kind: "unix", path }, groupId })).rejects.toThrow(
    "invalid argument",
  );
});

test("tcp: a free port is told; a port in use is an error", async () => {
  const [listening] = await listen(api(), { endpoint: { kind: "tcp", host: "127.0.0.1", port: 0 }, groupId });
  const port = Number(listening?.address.split(":")[1]);
  expect(await (await fetch(`http://127.0.0.1:${port}/_ping`)).text()).toBe("OK");
  await expect(
    listen(api(), { endpoint: { kind: "tcp", host: "127.0.0.1", port }, groupId }),
  ).rejects.toThrow(`listen tcp 127.0.0.1:${port}: `);
  await listening?.close();
});

test("a gate: requests that come before the engine wait for it", async () => {
  const path = join(directory, "gate.sock");
  const gate = new Gate();
  const [listening] = await listen(gate, { endpoint: { kind: "unix", path }, groupId });
  using early = await RawClient.connect(path);
  early.send("GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n");
  using upgraded = await RawClient.connect(path);
  upgraded.send("GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
  using left = await RawClient.connect(path);
  left.send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
  left.socket.destroy();
  gate.open(api());
  await Promise.all([early.until("OK"), upgraded.until("OK")]);
  expect(await (await fetch("http://x/_ping", { unix: path })).text()).toBe("OK");
  await listening?.close();
});

test("closing cuts connections that wait", async () => {
  const path = join(directory, "closing.sock");
  const engine = new FakeEngine();
  const own = new Api(fakeBackends(engine), { engineVersion: "0", shutdown: new AbortController().signal });
  const [listening] = await listen(own, { endpoint: { kind: "unix", path }, groupId });
  using client = await RawClient.connect(path);
  client.send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
  await client.until("timeNano");
  await listening?.close();
  await client.untilEnd();
});

test("a stop: nobody new comes in, streams go on until the end", async () => {
  const path = join(directory, "draining.sock");
  const engine = new FakeEngine();
  const own = new Api(fakeBackends(engine), { engineVersion: "0", shutdown: new AbortController().signal });
  const [listening] = await listen(own, { endpoint: { kind: "unix", path }, groupId });
  const json = { headers: { "Content-Type": "application/json" }, body: '{"Image":"bb"}' };
  await fetch("http://x/containers/create?name=c", { unix: path, method: "POST", ...json });
  await fetch("http://x/containers/c/start", { unix: path, method: "POST" });
  using attached = await RawClient.connect(path);
  attached.send(
    "POST /containers/c/attach?stdout=1&stream=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
  );
  using waiting = await RawClient.connect(path);
  waiting.send("POST /containers/c/wait HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
  using idle = await RawClient.connect(path);
  idle.send("GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n");
  await Promise.all([attached.until("101 UPGRADED"), waiting.until("200 OK"), idle.until("200 OK")]);

  listening?.stopAccepting();
  await expect(RawClient.connect(path)).rejects.toThrow();
  await idle.untilEnd();
  engine.find("c").streams[0]?.say(Buffer.from("last words"));
  await attached.until("last words");
  engine.stop(engine.find("c"), 7);
  expect(await waiting.until("StatusCode")).toContain('{"Error":null,"StatusCode":7}');
  await listening?.close();
  await Promise.all([attached.untilEnd(), waiting.untilEnd()]);
});

test("closing cuts attached clients", async () => {
  const path = join(directory, "cut.sock");
  const engine = new FakeEngine();
  const own = new Api(fakeBackends(engine), { engineVersion: "0", shutdown: new AbortController().signal });
  const [listening] = await listen(own, { endpoint: { kind: "unix", path }, groupId });
  const json = { headers: { "Content-Type": "application/json" }, body: '{"Image":"bb"}' };
  await fetch("http://x/containers/create?name=c", { unix: path, method: "POST", ...json });
  using attached = await RawClient.connect(path);
  attached.send(
    "POST /containers/c/attach?stdout=1&stream=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
  );
  await attached.until("101 UPGRADED");
  await listening?.close();
  await attached.untilEnd();
  expect(engine.active.size).toBe(0);
});

test("fd: a passed socket serves requests and hijacked streams", async () => {
  const path = join(directory, "passed.sock");
  // The parent stands for systemd: it binds, and the child finds the socket as descriptor 3.
  const script = `
    const { Api } = await import(${JSON.stringify(join(import.meta.dir, "../api.ts"))});
    const { listen } = await import(${JSON.stringify(join(import.meta.dir, "server.ts"))});
    const { FakeEngine, fakeBackends } = await import(${JSON.stringify(join(import.meta.dir, "../testing/fake-backends.ts"))});
    process.env.LISTEN_PID = String(process.pid);
    const api = new Api(fakeBackends(new FakeEngine()), { engineVersion: "0", shutdown: new AbortController().signal });
    const [listening] = await listen(api, { endpoint: { kind: "fd", name: "" }, groupId: 0 });
    console.log(listening.address);
  `;
  const passed = bindUnix(path);
  const child = Bun.spawn([process.execPath, "-e", script], {
    stdio: ["ignore", "pipe", "inherit", passed],
    env: { ...process.env, LISTEN_FDS: "1" },
  });
  try {
    const reader = child.stdout.getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("fd://3\n");
    const answer = await fetch("http://x/containers/create?name=c", {
      unix: path,
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: '{"Image":"bb"}',
    });
    expect(answer.status).toBe(201);
    await fetch("http://x/containers/c/start", { unix: path, method: "POST" });
    using client = await RawClient.connect(path);
    client.send(
      "POST /containers/c/attach?stdin=1&stream=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
    );
    await client.until("101 UPGRADED");
    client.send("hello");
    await client.until("hello");
    client.socket.end();
    expect(await client.untilEnd()).toEndWith("hellobye");
  } finally {
    child.kill("SIGKILL");
    await child.exited;
    close(passed);
  }
});

test("fd: without systemd it is an error", async () => {
  await expect(listen(api(), { endpoint: { kind: "fd", name: "" }, groupId })).rejects.toThrow(
    "no sockets found via socket activation: make sure the service was started by systemd",
  );
});

test("tls: clients with the CA's certificate come in, others do not; hijack and half-close work", async () => {
  const openssl = (...args: string[]) => {
    const result = spawnSync("openssl", args, { cwd: directory, stdio: ["ignore", "ignore", "pipe"] });
    if (result.status !== 0) throw new Error(result.stderr.toString());
  };
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
  openssl("req", "-x509", ...key, "-subj", "/CN=ca", "-keyout", "ca-key.pem", "-out", "ca.pem");
  for (const name of ["server", "client"]) {
    const signed = ["-CA", "ca.pem", "-CAkey", "ca-key.pem", "-addext", "subjectAltName=IP:127.0.0.1"];
    openssl(
      "req",
      "-x509",
      ...key,
      ...signed,
      "-subj",
      `/CN=${name}`,
      "-keyout",
      `${name}-key.pem`,
      "-out",
      `${name}.pem`,
    );
  }
  const file = (name: string) => join(directory, name);
  const tls = {
    caFile: file("ca.pem"),
    certFile: file("server.pem"),
    keyFile: file("server-key.pem"),
    verify: true,
  };
  const [listening] = await listen(api(), {
    endpoint: { kind: "tcp", host: "127.0.0.1", port: 0 },
    tls,
    groupId,
  });
  const port = Number(listening?.address.split(":")[1]);
  const url = `https://127.0.0.1:${port}`;
  const ca = Bun.file(file("ca.pem"));
  const identity = { cert: Bun.file(file("client.pem")), key: Bun.file(file("client-key.pem")) };
  try {
    expect(await (await fetch(`${url}/_ping`, { tls: { ca, ...identity } })).text()).toBe("OK");
    await expect(fetch(`${url}/_ping`, { tls: { ca } })).rejects.toThrow();
    const options = { tls: { ca, ...identity }, method: "POST" };
    const json = { headers: { "Content-Type": "application/json" }, body: '{"Image":"bb"}' };
    expect((await fetch(`${url}/containers/create?name=c`, { ...options, ...json })).status).toBe(201);
    await fetch(`${url}/containers/c/start`, options);
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    let text = "";
    // allowHalfOpen is missing in the type of TLS options.
    const connection = {
      port,
      host: "127.0.0.1",
      allowHalfOpen: true,
      ca: await ca.text(),
      cert: await identity.cert.text(),
      key: await identity.key.text(),
    };
    const socket = connectTls(connection);
    socket.on("secureConnect", () =>
      socket.write(
        "POST /containers/c/attach?stdin=1&stream=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
      ),
    );
    socket.on("data", (chunk) => {
      const before = text.length;
      text += chunk;
      if (before === 0) socket.write("hello");
      if (text.endsWith("hello")) socket.end();
    });
    socket.on("end", () => resolve(text));
    socket.on("error", reject);
    expect(await promise).toEndWith("hellobye");
  } finally {
    await listening?.close();
  }
});

test("tls: a key pair that is not there", async () => {
  const tls = { caFile: "/no-ca", certFile: "/no-cert", keyFile: "/no-key", verify: true };
  const endpoint = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;
  await expect(listen(api(), { endpoint, tls, groupId })).rejects.toThrow(
    'Could not load X509 key pair (cert: "/no-cert", key: "/no-key"): open /no-cert: no such file or directory',
  );
});

test("groups: the first that exists, a number for itself", () => {
  const file = join(directory, "group");
  writeFileSync(file, "root:x:0:\ndocker:x:990:me\nberth:x:991:\n");
  expect(findGroup(["docker", "berth"], file)).toBe(990);
  expect(findGroup(["nobody-has-it", "berth"], file)).toBe(991);
  expect(findGroup(["1234"], file)).toBe(1234);
  expect(findGroup(["nope"], file)).toBeUndefined();
});
