/** The HTTP side by hand: what no well-behaved client sends, listeners, versions. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { type Daemon, startDaemon } from "../harness/daemon.ts";
import { engineOfThisRun } from "../harness/engine.ts";

const isBerth = engineOfThisRun() === "berth";
let daemon: Daemon;
let tcpPort = 0;
beforeAll(async () => {
  // The block is not known before the daemon starts; ports below it are taken from another range.
  tcpPort = 19_000 + (process.pid % 900);
  daemon = await startDaemon({ images: ["busybox"], flags: ["-H", `tcp://127.0.0.1:${tcpPort}`] });
}, 120_000);
afterAll(() => daemon.stop(), 60_000);

/** Sends raw bytes and collects what comes until the other side closes, or `until` was seen. */
function raw(request: string | Uint8Array, until?: string): Promise<string> {
  return new Promise((settle, fail) => {
    let answer = "";
    const socket: Socket = connect({ path: daemon.socket });
    const timer = setTimeout(() => {
      socket.destroy();
      settle(answer);
    }, 5000);
    const finish = () => {
      clearTimeout(timer);
      socket.destroy();
      settle(answer);
    };
    socket.on("data", (chunk: Buffer) => {
      answer += chunk.toString("latin1");
      if (until !== undefined && answer.includes(until)) finish();
    });
    socket.on("close", finish);
    socket.on("error", (error) => {
      if (answer !== "") return finish();
      clearTimeout(timer);
      fail(error);
    });
    socket.write(request);
  });
}

const alive = async () => (await daemon.api("GET", "/_ping")).status === 200;

test("HEAD and GET _ping carry the version, and are never cached", async () => {
  const head = await raw("HEAD /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  expect(head).toStartWith("HTTP/1.1 200 OK\r\n");
  expect(head).toMatch(/\r\nApi-Version: 1\.\d+\r\n/i);
  expect(head).toMatch(/\r\nOstype: linux\r\n/i);
  expect(head).toMatch(/\r\nCache-Control: no-cache, no-store, must-revalidate\r\n/i);
  expect(head.split("\r\n\r\n")[1]).toBe("");
});

test("nonsense is refused, and the daemon lives", async () => {
  for (const request of [
    "nonsense\r\n\r\n",
    "GET / HTTP/9.9\r\n\r\n",
    "GET /_ping HTTP/1.1\r\n\r\n",
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "\0".repeat(10_000),
    `GET /${"a".repeat(2_000_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
    `GET / HTTP/1.1\r\nHost: x\r\n${"X: y\r\n".repeat(100_000)}\r\n`,
    "POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
    "POST /containers/create HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nzzz\r\n",
  ]) {
    const answer = await raw(request, "\r\n\r\n").catch(() => "");
    expect(answer === "" || /^HTTP\/1\.[01] [45]\d\d /.test(answer)).toBe(true);
    expect(await alive()).toBe(true);
  }
}, 90_000);

test("JSON bodies: broken, of the wrong type, deep, and too large", async () => {
  const post = (body: string) => daemon.api("POST", "/v1.41/containers/create", body);
  const deep = `{"Image":"busybox","Labels":${'{"a":'.repeat(20_000)}1${"}".repeat(20_000)}}`;
  for (const body of [
    "{",
    '{"Image": 5}',
    "null",
    "[]",
    '"text"',
    '{"Image":"busybox","HostConfig":[]}',
    '{"Image":"busybox","Cmd":{"a":1}}',
    deep,
  ]) {
    const answer = await post(body);
    expect([body.slice(0, 40), answer.status >= 400 && answer.status <= 500]).toEqual([
      body.slice(0, 40),
      true,
    ]);
    expect(typeof answer.json<{ message: string }>().message).toBe("string");
  }
  if (isBerth) {
    const large = await post(`{"Image":"${"x".repeat(40_000_000)}"}`).catch(() => undefined);
    if (large !== undefined) expect([400, 413]).toContain(large.status);
  }
  expect(await alive()).toBe(true);
  expect(await daemon.out("ps", "-aq")).toBe("");
}, 60_000);

test("versions: negotiated, prefixed, refused", async () => {
  expect((await daemon.api("GET", "/containers/json")).status).toBe(200);
  expect((await daemon.api("GET", "/v1.24/containers/json")).status).toBe(200);
  expect((await daemon.api("GET", "/v1.41/containers/json")).status).toBe(200);
  const future = await daemon.api("GET", "/v1.99/containers/json");
  expect(future.status).toBe(400);
  expect(future.json<{ message: string }>().message).toContain("client version 1.99 is too new");
  if (isBerth) {
    for (const version of ["1.22", "1.23", "1.43", "1.44", "1.48", "1.51"]) {
      const answer = await daemon.api("GET", `/v${version}/containers/json`);
      expect([version, answer.status]).toEqual([version, 200]);
    }
    expect((await daemon.api("GET", "/v1.21/containers/json")).status).toBe(400);
  }
});

test("the same engine answers on TCP", async () => {
  const url = `tcp://127.0.0.1:${tcpPort}`;
  const onHost = (...argv: string[]) => daemon.host("env", `DOCKER_HOST=${url}`, ...argv);
  expect((await onHost("docker", "run", "--rm", "busybox", "echo", "over tcp")).stdout).toBe("over tcp\n");
  expect((await onHost("sh", "-c", "echo typed | docker run --rm -i busybox cat")).stdout).toBe("typed\n");
  const info = await daemon.host("curl", "-sS", `http://127.0.0.1:${tcpPort}/info`);
  expect(JSON.parse(info.stdout).ID).toBe((await daemon.api("GET", "/info")).json<{ ID: string }>().ID);
});

test("a client that leaves in the middle harms nobody", async () => {
  for (let round = 0; round < 20; round++) {
    const socket = connect({ path: daemon.socket });
    socket.on("error", () => {});
    socket.write("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
    socket.write("POST /images/load HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc");
    await new Promise<void>((settle) => {
      socket.once("data", () => settle());
      socket.once("close", () => settle());
      setTimeout(settle, 200);
    });
    socket.destroy();
  }
  expect(await alive()).toBe(true);
});

test("events stream as they happen, filtered, and since then", async () => {
  const before = Math.floor(Date.now() / 1000);
  const stream = daemon.spawn(["docker", "events", "--filter", "container=seen", "--format", "{{.Action}}"]);
  const reader = stream.stdout.getReader();
  let text = "";
  // The subscription stands once an event of it arrives; make some until then.
  await daemon.out("create", "--name", "seen", "busybox", "sh", "-c", "exit 3");
  await daemon.out("start", "-a", "seen").catch(() => "");
  await daemon.out("rm", "seen");
  while (!text.includes("destroy")) {
    const { value, done } = await reader.read();
    if (done) break;
    text += new TextDecoder().decode(value);
  }
  stream.kill();
  expect(text.trim().split("\n").slice(-3)).toEqual(
    ["start", "die", "destroy"].slice(-Math.min(3, text.trim().split("\n").length)),
  );
  const past = await daemon.out(
    "events",
    "--since",
    String(before),
    "--until",
    String(Math.ceil(Date.now() / 1000)),
    "--filter",
    "container=seen",
    "--format",
    "{{.Action}}",
  );
  expect(past.split("\n")).toEqual(expect.arrayContaining(["create", "start", "die", "destroy"]));
}, 30_000);

test("stats: a stream of samples, and one", async () => {
  await daemon.out(
    "run",
    "-d",
    "--name",
    "measured",
    "-m",
    "64m",
    "busybox",
    "sh",
    "-c",
    "while :; do :; done",
  );
  const once = (await daemon.api("GET", "/containers/measured/stats?stream=false")).json<{
    cpu_stats: { cpu_usage: { total_usage: number }; online_cpus: number };
    precpu_stats: { cpu_usage: { total_usage: number } };
    memory_stats: { usage: number; limit: number };
    pids_stats: { current: number };
    networks: Record<string, { rx_bytes: number }>;
  }>();
  expect(once.cpu_stats.cpu_usage.total_usage).toBeGreaterThan(once.precpu_stats.cpu_usage.total_usage);
  expect(once.memory_stats.limit).toBe(64 * 1024 * 1024);
  expect(once.memory_stats.usage).toBeGreaterThan(0);
  expect(once.pids_stats.current).toBe(1);
  expect(Object.keys(once.networks)).toEqual(["eth0"]);
  const shown = await daemon.out(
    "stats",
    "--no-stream",
    "--format",
    "{{.Name}} {{.CPUPerc}} {{.PIDs}}",
    "measured",
  );
  const [name, percent, pids] = shown.split(" ");
  expect([name, pids]).toEqual(["measured", "1"]);
  expect(Number.parseFloat(percent!)).toBeGreaterThan(10);
  await daemon.out("rm", "-f", "measured");
}, 30_000);

test("docker-py drives it", async () => {
  const script = `
import docker
client = docker.from_env()
assert client.ping()
assert client.containers.run("busybox", ["echo", "from python"]) == b"from python\\n"
c = client.containers.run("busybox", "sleep 100", detach=True, name="py", labels={"a": "b"}, mem_limit="64m", ports={"80/tcp": None})
assert c.status in ("created", "running"); c.reload(); assert c.status == "running"
code, out = c.exec_run("sh -c 'echo inside; exit 3'"); assert (code, out) == (3, b"inside\\n"), (code, out)
assert [x.name for x in client.containers.list(filters={"label": "a=b"})] == ["py"]
assert c.attrs["NetworkSettings"]["Ports"]["80/tcp"][0]["HostPort"]
stats = c.stats(stream=False); assert stats["memory_stats"]["limit"] == 64 * 1024 * 1024
bits, stat = c.get_archive("/etc/passwd"); assert stat["name"] == "passwd"; assert b"root:" in b"".join(bits)
image = c.commit("py-made"); assert image.tags == ["py-made:latest"]
c.stop(timeout=0); assert c.wait()["StatusCode"] == 137
assert c.logs() == b""; c.remove(); client.images.remove("py-made")
v = client.volumes.create("pyvol"); assert v.name in [x.name for x in client.volumes.list()]; v.remove()
n = client.networks.create("pynet", driver="bridge"); assert n.name == "pynet"; n.remove()
try: client.containers.get("nosuch"); assert False
except docker.errors.NotFound: pass
print("all good")
`;
  const result = await daemon.run(["python3", "-c", script]);
  expect(result).toEqual({ exitCode: 0, stdout: "all good\n", stderr: "" });
}, 60_000);
