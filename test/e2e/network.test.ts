/** What packets do: published ports, NAT, isolation, names. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { run } from "../harness/command.ts";
import { type Daemon, startDaemon } from "../harness/daemon.ts";
import { engineOfThisRun } from "../harness/engine.ts";
import { createOutside, type Outside } from "../harness/outside.ts";
import { eventually } from "../harness/wait.ts";

let daemon: Daemon;
let outside: Outside;
beforeAll(async () => {
  daemon = await startDaemon({ images: ["busybox"] });
  outside = await createOutside(daemon);
}, 120_000);
afterAll(async () => {
  await outside?.remove();
  await daemon.stop();
}, 60_000);

/** Runs a web server in a container, and waits until it serves. */
async function serve(name: string, ...flags: string[]): Promise<void> {
  const server = `mkdir /www; echo 'from ${name}' > /www/index.html; httpd -f -p 80 -h /www`;
  await daemon.out("run", "-d", "--name", name, ...flags, "busybox", "sh", "-c", server);
  await eventually(
    `${name} serves`,
    async () => (await daemon.docker("exec", name, "wget", "-qO-", "http://127.0.0.1/")).exitCode === 0,
  );
}

/** Ends after some seconds; not as process 1, which cannot be ended by a signal from inside. */
const limited = (command: string, seconds = 3): string[] => [
  "sh",
  "-c",
  `timeout ${seconds} ${command}; exit $?`,
];
const CURL = ["curl", "-sS", "--max-time", "3"];
const fromHost = async (url: string) => (await daemon.host(...CURL, url)).stdout.trim();
const fromOutside = async (url: string) => (await run([...outside.prefix, ...CURL, url])).stdout.trim();
const fromContainer = async (url: string, ...flags: string[]) =>
  (await daemon.docker("run", "--rm", ...flags, "busybox", ...limited(`wget -qO- ${url}`))).stdout.trim();
const addressOf = (name: string, network = "bridge") =>
  daemon.out("inspect", "-f", `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, name);

test("a published port answers on loopback, the host's addresses, from outside and from containers", async () => {
  const port = daemon.port();
  await serve("web", "-p", `${port}:80`);
  expect(await fromHost(`http://127.0.0.1:${port}/`)).toBe("from web");
  expect(await fromHost(`http://localhost:${port}/`)).toBe("from web");
  expect(await fromHost(`http://[::1]:${port}/`)).toBe("from web");
  expect(await fromHost(`http://${await daemon.hostAddress()}:${port}/`)).toBe("from web");
  expect(await fromHost(`http://${daemon.gateway}:${port}/`)).toBe("from web");
  expect(await fromOutside(`http://${outside.hostAddress}:${port}/`)).toBe("from web");
  expect(await fromContainer(`http://${daemon.gateway}:${port}/`)).toBe("from web");
  expect(await fromContainer(`http://${await daemon.hostAddress()}:${port}/`)).toBe("from web");
  await daemon.out("network", "create", "elsewhere");
  expect(await fromContainer(`http://${daemon.gateway}:${port}/`, "--network", "elsewhere")).toBe("from web");
  await daemon.out("network", "rm", "elsewhere");
  // The container itself, by the host's address (hairpin).
  const hairpin = await daemon.docker(
    "exec",
    "web",
    "timeout",
    "3",
    "wget",
    "-qO-",
    `http://${daemon.gateway}:${port}/`,
  );
  expect(hairpin.stdout.trim()).toBe("from web");
  await daemon.out("rm", "-f", "web");
  expect(await fromHost(`http://127.0.0.1:${port}/`)).toBe("");
  expect(await fromOutside(`http://${outside.hostAddress}:${port}/`)).toBe("");
}, 60_000);

test("a port bound to 127.0.0.1 stays local", async () => {
  const port = daemon.port();
  await serve("local", "-p", `127.0.0.1:${port}:80`);
  expect(await fromHost(`http://127.0.0.1:${port}/`)).toBe("from local");
  expect(await fromHost(`http://${await daemon.hostAddress()}:${port}/`)).toBe("");
  expect(await fromOutside(`http://${outside.hostAddress}:${port}/`)).toBe("");
  expect(await fromContainer(`http://${daemon.gateway}:${port}/`)).toBe("");
  await daemon.out("rm", "-f", "local");
}, 60_000);

test("a port bound to one address of the host answers there only", async () => {
  const port = daemon.port();
  await serve("one", "-p", `${outside.hostAddress}:${port}:80`);
  expect(await fromHost(`http://${outside.hostAddress}:${port}/`)).toBe("from one");
  expect(await fromOutside(`http://${outside.hostAddress}:${port}/`)).toBe("from one");
  expect(await fromHost(`http://127.0.0.1:${port}/`)).toBe("");
  await daemon.out("rm", "-f", "one");
}, 60_000);

test("ranges, random ports and -P", async () => {
  const first = daemon.port(3);
  await serve("ranges", "-p", `${first}-${first + 2}:80-82`, "-p", "80", "--expose", "90", "-P");
  expect(await fromHost(`http://127.0.0.1:${first}/`)).toBe("from ranges");
  const ports = (await daemon.out("port", "ranges")).split("\n").filter((line) => line.includes("0.0.0.0"));
  expect(ports.map((line) => line.split(" ")[0]).sort()).toEqual([
    "80/tcp",
    "80/tcp",
    "81/tcp",
    "82/tcp",
    "90/tcp",
  ]);
  const random = ports
    .find((line) => line.startsWith("80/tcp") && !line.endsWith(`:${first}`))!
    .split(":")[1];
  expect(await fromHost(`http://127.0.0.1:${random}/`)).toBe("from ranges");
  await daemon.out("rm", "-f", "ranges");
}, 60_000);

test("a host port out of a range goes to the first free one", async () => {
  const first = daemon.port(2);
  await serve("range1", "-p", `${first}-${first + 1}:80`);
  await serve("range2", "-p", `${first}-${first + 1}:80`);
  expect(await fromHost(`http://127.0.0.1:${first}/`)).toBe("from range1");
  expect(await fromHost(`http://127.0.0.1:${first + 1}/`)).toBe("from range2");
  await daemon.out("rm", "-f", "range1", "range2");
}, 60_000);

test("a port that a program of the host holds is refused, and nothing is left", async () => {
  const port = daemon.port();
  const holder = Bun.spawn([...daemon.hostPrefix, "socat", `TCP-LISTEN:${port},fork`, "EXEC:true"], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
  });
  try {
    await eventually(
      "the port is held",
      async () => (await daemon.host("sh", "-c", `ss -ltnH 'sport = :${port}' | grep -q .`)).exitCode === 0,
    );
    const refused = await daemon.docker(
      "run",
      "-d",
      "--name",
      "refused",
      "-p",
      `${port}:80`,
      "busybox",
      "sleep",
      "100",
    );
    expect(refused.exitCode).toBe(125);
    expect(refused.stderr).toContain("driver failed programming external connectivity on endpoint refused");
    expect(refused.stderr).toMatch(/address already in use/);
    expect(await daemon.out("inspect", "-f", "{{.State.Status}}", "refused")).toBe("created");
  } finally {
    holder.kill("SIGKILL");
    await holder.exited;
  }
  await daemon.out("start", "refused");
  await daemon.out("rm", "-f", "refused");
}, 60_000);

test("published ports follow a container from network to network", async () => {
  const port = daemon.port();
  for (const name of ["here", "there"]) await daemon.out("network", "create", name);
  await daemon.out("network", "create", "--internal", "shut");
  await serve("moves", "--network", "shut", "-p", `${port}:80`);
  const url = `http://127.0.0.1:${port}/`;
  const shown = () => daemon.out("port", "moves", "80");
  expect([await fromHost(url), (await daemon.docker("port", "moves")).stdout]).toEqual(["", ""]);
  await daemon.out("network", "connect", "here", "moves");
  expect([await fromHost(url), await fromOutside(`http://${outside.hostAddress}:${port}/`)]).toEqual([
    "from moves",
    "from moves",
  ]);
  expect(await shown()).toContain(`0.0.0.0:${port}`);
  await daemon.out("network", "connect", "there", "moves");
  await daemon.out("network", "disconnect", "here", "moves");
  expect(await fromHost(url)).toBe("from moves");
  for (const name of ["there", "shut"]) await daemon.out("network", "disconnect", name, "moves");
  expect([await fromHost(url), (await daemon.docker("port", "moves")).stdout]).toEqual(["", ""]);
  // Another may have the port meanwhile: then it cannot come back.
  await serve("takes", "-p", `${port}:80`);
  const refused = await daemon.docker("network", "connect", "here", "moves");
  expect(refused.stderr).toContain("driver failed programming external connectivity on endpoint moves");
  await daemon.out("rm", "-f", "takes");
  if (engineOfThisRun() === "berth") {
    await daemon.out("network", "connect", "here", "moves");
    await daemon.kill("SIGKILL");
    await daemon.start();
    expect([await fromHost(url), await shown()]).toEqual(["from moves", `0.0.0.0:${port}\n[::]:${port}`]);
  }
  await daemon.out("rm", "-f", "moves");
  await daemon.out("network", "rm", "here", "there", "shut");
}, 60_000);

test("many connections at once through one port", async () => {
  const port = daemon.port();
  await serve("busy", "-p", `${port}:80`);
  const script = `seq 60 | xargs -P 20 -I{} curl -sS --max-time 10 http://127.0.0.1:${port}/ | sort | uniq -c | tr -s ' '`;
  expect((await daemon.host("sh", "-c", script)).stdout.trim()).toBe("60 from busy");
  const remote = `seq 60 | xargs -P 20 -I{} curl -sS --max-time 10 http://${outside.hostAddress}:${port}/ | sort | uniq -c | tr -s ' '`;
  expect((await run([...outside.prefix, "sh", "-c", remote])).stdout.trim()).toBe("60 from busy");
  await daemon.out("rm", "-f", "busy");
}, 60_000);

test("a large transfer through a published port is whole, in both directions", async () => {
  const port = daemon.port();
  const size = 20_000_000;
  await daemon.out(
    "run",
    "-d",
    "--name",
    "large",
    "-p",
    `${port}:80`,
    "busybox",
    "sh",
    "-c",
    `mkdir /w; head -c ${size} /dev/urandom > /w/f; md5sum < /w/f > /w/sum; httpd -f -p 80 -h /w`,
  );
  await eventually("it serves", async () => (await fromHost(`http://127.0.0.1:${port}/sum`)) !== "");
  const sum = (await fromHost(`http://127.0.0.1:${port}/sum`)).slice(0, 32);
  expect(
    (await daemon.host("sh", "-c", `curl -sS http://127.0.0.1:${port}/f | md5sum`)).stdout.slice(0, 32),
  ).toBe(sum);
  expect(
    (
      await run([...outside.prefix, "sh", "-c", `curl -sS http://${outside.hostAddress}:${port}/f | md5sum`])
    ).stdout.slice(0, 32),
  ).toBe(sum);
  await daemon.out("rm", "-f", "large");
}, 60_000);

test.if(engineOfThisRun() === "berth")(
  "a connection that nobody ends does not keep a removed container's interface",
  async () => {
    const port = daemon.port();
    const server = "yes | head -c 20000000 > /f; exec nc -ll -p 80 -e cat /f";
    await daemon.out("run", "-d", "--name", "talks", "-p", `${port}:80`, "busybox", "sh", "-c", server);
    // A client that reads nothing: what the container sent cannot be acknowledged, and the kernel goes on trying.
    const client = Bun.spawn(
      [
        ...outside.prefix,
        "socat",
        "-u",
        "EXEC:sleep 100",
        `TCP:${outside.hostAddress}:${port},retry=50,interval=0.1`,
      ],
      { stdin: "ignore", stdout: "ignore", stderr: "ignore" },
    );
    try {
      const queued = "ss -tnH state established 'sport = :80' | grep -q '^ *[0-9]* *[1-9]'";
      const pid = await daemon.out("inspect", "-f", "{{.State.Pid}}", "talks");
      await eventually(
        "the container's words are not taken",
        async () => (await run(["nsenter", "-t", pid, "-n", "sh", "-c", queued])).exitCode === 0,
      );
      const ports = `/sys/class/net/${daemon.scope.bridge}/brif`;
      await daemon.out("rm", "-f", "talks");
      await eventually("its interface is gone", () => readdirSync(ports).length === 0, 5);
    } finally {
      client.kill("SIGKILL");
      await client.exited;
    }
  },
  60_000,
);

test("containers reach the outside with the host's address, and a user-defined network too", async () => {
  const listener = Bun.spawn(
    [...outside.prefix, "socat", "TCP-LISTEN:7000,fork,reuseaddr", "SYSTEM:echo you are $SOCAT_PEERADDR"],
    { stdin: "ignore", stdout: "ignore", stderr: "ignore" },
  );
  try {
    await daemon.out("network", "create", "natted");
    for (const network of ["bridge", "natted"]) {
      await eventually(`an answer on ${network}`, async () => {
        const answer = await daemon.docker(
          "run",
          "--rm",
          "--network",
          network,
          "busybox",
          ...limited(`nc ${outside.address} 7000`, 3),
        );
        return answer.stdout === `you are ${outside.hostAddress}\n`;
      });
    }
    const none = await daemon.docker(
      "run",
      "--rm",
      "--network",
      "none",
      "busybox",
      ...limited(`nc ${outside.address} 7000`, 3),
    );
    expect(none.exitCode).not.toBe(0);
    await daemon.out("network", "rm", "natted");
    await daemon.out("network", "create", "--internal", "closed");
    const closed = await daemon.docker(
      "run",
      "--rm",
      "--network",
      "closed",
      "busybox",
      ...limited(`nc ${outside.address} 7000`, 2),
    );
    expect(closed.stdout).toBe("");
    await daemon.out("network", "rm", "closed");
  } finally {
    listener.kill("SIGKILL");
    await listener.exited;
  }
}, 60_000);

test("networks do not reach each other, and nobody outside reaches an unpublished port", async () => {
  await daemon.out("network", "create", "red");
  await daemon.out("network", "create", "blue");
  await serve("in-red", "--network", "red");
  const address = await addressOf("in-red", "red");
  expect(await fromContainer(`http://${address}/`, "--network", "red")).toBe("from in-red");
  expect(await fromContainer("http://in-red/", "--network", "red")).toBe("from in-red");
  expect(await fromContainer(`http://${address}/`, "--network", "blue")).toBe("");
  expect(await fromContainer(`http://${address}/`)).toBe("");
  expect(await fromHost(`http://${address}/`)).toBe("from in-red");
  // Docker 20.10 lets a router on the same wire in; Docker 28 and Berth do not.
  if (engineOfThisRun() === "berth") expect(await fromOutside(`http://${address}/`)).toBe("");
  await daemon.out("rm", "-f", "in-red");
  await daemon.out("network", "rm", "red", "blue");
}, 60_000);

test("container:<id> shares one network", async () => {
  await serve("owner");
  const inside = await daemon.docker(
    "run",
    "--rm",
    "--network",
    "container:owner",
    "busybox",
    "wget",
    "-qO-",
    "http://127.0.0.1/",
  );
  expect(inside.stdout).toBe("from owner\n");
  await daemon.out("rm", "-f", "owner");
});

test("--network host is the host's", async () => {
  // Other runs make and remove links meanwhile; the bridge of this daemon is always there.
  const bridge = engineOfThisRun() === "docker" ? "docker0" : daemon.scope.bridge;
  const show = ["ip", "-4", "-o", "address", "show", "dev", bridge];
  expect(await daemon.out("run", "--rm", "--network", "host", "busybox", ...show)).toContain(
    ` ${daemon.gateway}/24 `,
  );
});

test("addresses are given back: many short containers in a small block", async () => {
  await daemon.out("network", "create", "--subnet", `10.${daemon.scope.block}.126.0/29`, "small");
  for (let round = 0; round < 12; round++)
    expect((await daemon.docker("run", "--rm", "--network", "small", "busybox", "true")).exitCode).toBe(0);
  await Promise.all(
    [1, 2, 3, 4, 5].map((index) =>
      daemon.out("run", "-d", "--name", `small${index}`, "--network", "small", "busybox", "sleep", "100"),
    ),
  );
  const sixth = await daemon.docker("run", "--rm", "--network", "small", "busybox", "true");
  expect(sixth.exitCode).toBe(125);
  expect(sixth.stderr).toContain("no available IPv4 addresses on this network's address pools: small");
  await daemon.out("rm", "-f", "small1", "small2", "small3", "small4", "small5");
  await daemon.out("network", "rm", "small");
}, 60_000);
