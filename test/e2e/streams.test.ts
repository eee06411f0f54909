/** Standard streams: order, volume, half-close, many at once, logs that follow. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { connect } from "node:net";
import { type Daemon, startDaemon } from "../harness/daemon.ts";
import { engineOfThisRun } from "../harness/engine.ts";
import { eventually } from "../harness/wait.ts";

let daemon: Daemon;
beforeAll(async () => {
  daemon = await startDaemon({ images: ["busybox"] });
}, 120_000);
afterAll(() => daemon.stop(), 60_000);

test("100,000 lines arrive once and in order, attached and in the log", async () => {
  const expected = Array.from({ length: 100_000 }, (_, index) => `${index + 1}\n`).join("");
  const run = await daemon.docker("run", "--name", "lines", "busybox", "seq", "1", "100000");
  expect(run.stdout === expected).toBe(true);
  const logs = await daemon.docker("logs", "lines");
  expect(logs.stdout === expected).toBe(true);
  expect(await daemon.out("logs", "--tail", "3", "lines")).toBe("99998\n99999\n100000");
  await daemon.out("rm", "lines");
}, 60_000);

test("binary input comes back unchanged", async () => {
  const script =
    "head -c 3000000 /dev/urandom > in; docker run --rm -i busybox cat < in > out; cmp in out && echo same";
  const result = await daemon.run([
    "sh",
    "-c",
    script.replaceAll(/\b(in|out)\b/g, `${daemon.scope.directory}/$1.bin`),
  ]);
  expect(result.stdout).toBe("same\n");
});

test("input that ends before it began reaches the program as its end", async () => {
  await daemon.out("run", "-d", "--name", "noinput", "busybox", "sleep", "1000");
  const clients = engineOfThisRun() === "berth" ? ["docker", "docker20", "berth"] : ["docker", "docker20"];
  for (const client of clients) {
    for (const words of [
      ["exec", "-i", "noinput"],
      ["run", "--rm", "-i", "busybox"],
    ]) {
      const { stdout } = await daemon.run([client, ...words, "sh", "-c", "cat; echo end"], {
        stdin: "",
        seconds: 20,
      });
      expect(stdout).toBe("end\n");
    }
  }
  await daemon.out("rm", "-f", "noinput");
}, 60_000);

test("a reader that is slow loses nothing", async () => {
  const child = daemon.spawn([
    "sh",
    "-c",
    "docker run --rm busybox seq 1 200000 | { read first; sleep 1; cat; } | tail -1",
  ]);
  expect((await new Response(child.stdout).text()).trim()).toBe("200000");
}, 30_000);

test("a container is not held up by a reader that has gone", async () => {
  const child = daemon.spawn(["sh", "-c", "docker run --name piped busybox seq 1 300000 | head -1"]);
  expect((await new Response(child.stdout).text()).trim()).toBe("1");
  await eventually(
    "the container ends",
    async () => (await daemon.out("inspect", "-f", "{{.State.Status}}", "piped")) === "exited",
  );
  expect(await daemon.out("logs", "--tail", "1", "piped")).toBe("300000");
  await daemon.out("rm", "piped");
}, 30_000);

test("several attached at once see the same", async () => {
  await daemon.out(
    "run",
    "-d",
    "--name",
    "shared",
    "busybox",
    "sh",
    "-c",
    "while ! test -e /go; do sleep 0.02; done; seq 1 1000; echo end",
  );
  const readers = [1, 2, 3].map(() => daemon.spawn(["docker", "attach", "--no-stdin", "shared"]));
  await eventually(
    "all are attached",
    async () => (await daemon.api("GET", "/containers/shared/json")).status === 200,
  );
  // An attach is acknowledged before output is sent; give the last of them something to see.
  await daemon.out("exec", "shared", "sh", "-c", "sleep 0.5; touch /go");
  const seen = await Promise.all(readers.map((reader) => new Response(reader.stdout).text()));
  for (const text of seen) expect(text.endsWith("999\n1000\nend\n")).toBe(true);
  await daemon.out("rm", "shared");
});

// Docker 20.10 stops following at a rotation.
test.if(engineOfThisRun() === "berth")(
  "logs -f follows to the end over rotations",
  async () => {
    const options = ["--log-opt", "max-size=10k", "--log-opt", "max-file=9"];
    const script = "while ! test -e /go; do sleep 0.02; done; seq 1 700; sleep 0.3; seq 701 800";
    await daemon.out("run", "-d", "--name", "rotating", ...options, "busybox", "sh", "-c", script);
    const follower = daemon.spawn(["docker", "logs", "-f", "rotating"]);
    await daemon.out("exec", "rotating", "touch", "/go");
    const lines = (await new Response(follower.stdout).text()).trim().split("\n");
    expect(await follower.exited).toBe(0);
    expect(lines).toEqual(Array.from({ length: 800 }, (_, index) => String(index + 1)));
    expect((await daemon.out("logs", "rotating")).split("\n")).toEqual(lines);
    await daemon.out("rm", "rotating");
  },
  30_000,
);

test("a log keeps its newest lines within max-size and max-file", async () => {
  const options = ["--log-opt", "max-size=10k", "--log-opt", "max-file=3"];
  await daemon.out("run", "-d", "--name", "bounded", ...options, "busybox", "seq", "1", "2000");
  await daemon.out("wait", "bounded");
  const kept = (await daemon.out("logs", "bounded")).split("\n").map(Number);
  expect(kept.at(-1)).toBe(2000);
  expect(kept).toEqual(Array.from({ length: kept.length }, (_, index) => 2000 - kept.length + 1 + index));
  expect(kept.length).toBeLessThan(500);
  expect(kept.length).toBeGreaterThan(100);
  await daemon.out("rm", "bounded");
}, 30_000);

test("logs: since and until by time stamps of the log itself", async () => {
  await daemon.out(
    "run",
    "--name",
    "timed",
    "busybox",
    "sh",
    "-c",
    "echo one; sleep 0.3; echo two; sleep 0.3; echo three",
  );
  const stamped = (await daemon.out("logs", "-t", "timed"))
    .split("\n")
    .map((line) => line.split(" ") as [string, string]);
  expect(stamped.map(([, text]) => text)).toEqual(["one", "two", "three"]);
  const second = stamped[1]![0];
  expect(await daemon.out("logs", "--since", second, "timed")).toBe("two\nthree");
  expect(await daemon.out("logs", "--until", second, "timed")).toMatch(/^one(\ntwo)?$/);
  await daemon.out("rm", "timed");
});

test("the hijacked attach closes one direction and goes on with the other", async () => {
  const created = await daemon.api("POST", "/containers/create?name=half", {
    Image: "busybox",
    Cmd: ["sh", "-c", "cat; echo after"],
    OpenStdin: true,
    StdinOnce: true,
  });
  expect(created.status).toBe(201);
  const output = await new Promise<Buffer>((settle, fail) => {
    const socket = connect({ path: daemon.socket, allowHalfOpen: true });
    const chunks: Buffer[] = [];
    let upgraded = false;
    socket.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      if (!upgraded && Buffer.concat(chunks).includes("\r\n\r\n")) {
        upgraded = true;
        void daemon.api("POST", "/containers/half/start").then(() => socket.end("typed\n"));
      }
    });
    socket.on("end", () => settle(Buffer.concat(chunks)));
    socket.on("error", fail);
    socket.write(
      "POST /v1.41/containers/half/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n",
    );
  });
  const text = output.toString("latin1");
  expect(text).toStartWith("HTTP/1.1 101 UPGRADED\r\n");
  const body = output.subarray(output.indexOf("\r\n\r\n") + 4);
  // Frames of Docker's stream: kind, three zeros, big-endian length.
  let at = 0;
  let stdout = "";
  while (at < body.length) {
    expect(body[at]).toBe(1);
    const length = body.readUInt32BE(at + 4);
    stdout += body.subarray(at + 8, at + 8 + length).toString();
    at += 8 + length;
  }
  expect(stdout).toBe("typed\nafter\n");
  await daemon.out("rm", "-f", "half");
});

test("attach over a WebSocket: output of both streams, input, and the end", async () => {
  await daemon.out(
    "run",
    "-di",
    "--name",
    "socket",
    "busybox",
    "sh",
    "-c",
    "echo out; echo err >&2; read x; echo got $x",
  );
  const query = "stdin=1&stdout=1&stderr=1&logs=1&stream=1";
  const client = new WebSocket(`ws+unix://${daemon.socket}:/v1.47/containers/socket/attach/ws?${query}`);
  client.binaryType = "arraybuffer";
  const chunks: Uint8Array[] = [];
  client.onopen = () => client.send("hello\n");
  client.onmessage = ({ data }) => chunks.push(new Uint8Array(data as ArrayBuffer));
  const code = await new Promise<number>((resolve) => {
    client.onclose = (event) => resolve(event.code);
  });
  expect(code).toBe(1000);
  expect(Buffer.concat(chunks).toString().split("\n").sort()).toEqual(["", "err", "got hello", "out"]);
  const plain = await fetch(`http://engine/v1.47/containers/socket/attach/ws?${query}`, {
    unix: daemon.socket,
  });
  expect(plain.status).toBe(400);
  await daemon.out("rm", "socket");
});

test("exec runs many at once", async () => {
  await daemon.out("run", "-d", "--name", "busy", "busybox", "sleep", "1000");
  const results = await Promise.all(
    Array.from({ length: 15 }, (_, index) =>
      daemon.docker("exec", "busy", "sh", "-c", `echo ${index}; exit ${index}`),
    ),
  );
  for (const [index, result] of results.entries())
    expect(result).toEqual({ exitCode: index, stdout: `${index}\n`, stderr: "" });
  await daemon.out("rm", "-f", "busy");
}, 60_000);
