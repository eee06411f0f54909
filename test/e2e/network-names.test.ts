/** Names: the embedded name server, what it asks of others, legacy links. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Daemon, startDaemon } from "../harness/daemon.ts";
import { engineOfThisRun } from "../harness/engine.ts";
import { createOutside, type Outside } from "../harness/outside.ts";

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

const addressOf = (name: string, network = "bridge") =>
  daemon.out("inspect", "-f", `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, name);

test("DNS: names, aliases, ids, live changes, several networks, many answers", async () => {
  await daemon.out("network", "create", "names");
  await daemon.out("network", "create", "others");
  const id = await daemon.out(
    "run",
    "-d",
    "--name",
    "first",
    "--hostname",
    "called",
    "--network",
    "names",
    "--network-alias",
    "web",
    "busybox",
    "sleep",
    "1000",
  );
  await daemon.out(
    "run",
    "-d",
    "--name",
    "second",
    "--network",
    "names",
    "--network-alias",
    "web",
    "busybox",
    "sleep",
    "1000",
  );
  await daemon.out("run", "-d", "--name", "asks", "--network", "names", "busybox", "sleep", "1000");
  const lookup = async (name: string) => {
    const answer = await daemon.docker("exec", "asks", "nslookup", "-type=a", name);
    return [...answer.stdout.matchAll(/^Address: ([\d.]+)$/gm)].map(([, address]) => address).sort();
  };
  const [first, second] = [await addressOf("first", "names"), await addressOf("second", "names")];
  expect(await lookup("first")).toEqual([first]);
  expect(await lookup("FIRST")).toEqual([first]);
  expect(await lookup(id.slice(0, 12))).toEqual([first]);
  expect(await lookup("web")).toEqual([first, second].sort());
  expect(await lookup("nosuch")).toEqual([]);
  // A name without an IPv6 address has an empty answer for it, not an error.
  const six = await daemon.docker("exec", "asks", "nslookup", "-type=aaaa", "first");
  expect(six.stdout + six.stderr).not.toContain("NXDOMAIN");
  // Reverse.
  const reverse = await daemon.docker("exec", "asks", "nslookup", first);
  expect(reverse.stdout).toContain("first.names");
  // Live: a container that joins, one that leaves.
  await daemon.out("run", "-d", "--name", "third", "--network", "others", "busybox", "sleep", "1000");
  expect(await lookup("third")).toEqual([]);
  await daemon.out("network", "connect", "--alias", "joined", "names", "third");
  expect(await lookup("joined")).toEqual([await addressOf("third", "names")]);
  await daemon.out("network", "disconnect", "names", "third");
  expect(await lookup("joined")).toEqual([]);
  await daemon.out("stop", "-t", "0", "second");
  expect(await lookup("web")).toEqual([first]);
  await daemon.out("rm", "-f", "first", "second", "third", "asks");
  await daemon.out("network", "rm", "names", "others");
}, 60_000);

test("clients of older API versions find the short id among the aliases", async () => {
  await daemon.out("network", "create", "older");
  const flags = ["--network", "older", "--network-alias", "web", "--hostname", "called"];
  const id = await daemon.out("run", "-d", "--name", "aliased", ...flags, "busybox", "sleep", "1000");
  const format = '{{json (index .NetworkSettings.Networks "older").Aliases}}';
  const told = await daemon.docker20("inspect", "-f", format, "aliased");
  expect(JSON.parse(told.stdout)).toEqual(["web", id.slice(0, 12), "called"]);
  if (engineOfThisRun() === "berth")
    expect(JSON.parse(await daemon.out("inspect", "-f", format, "aliased"))).toEqual(["web"]);
  await daemon.out("rm", "-f", "aliased");
  await daemon.out("network", "rm", "older");
});

test("DNS: other names are asked of the resolvers that were given", async () => {
  // A resolver outside that answers every question with one address.
  const resolver = Bun.spawn(
    [
      ...outside.prefix,
      process.execPath,
      `${import.meta.dir}/../harness/fake-resolver.ts`,
      outside.address,
      "192.0.2.77",
    ],
    { stdin: "ignore", stdout: "pipe", stderr: "inherit" },
  );
  try {
    await resolver.stdout.getReader().read();
    await daemon.out("network", "create", "asking");
    const answer = await daemon.docker(
      "run",
      "--rm",
      "--network",
      "asking",
      "--dns",
      outside.address,
      "busybox",
      "nslookup",
      "-type=a",
      "somewhere.example",
    );
    expect(answer.stdout).toContain("192.0.2.77");
    const direct = await daemon.docker(
      "run",
      "--rm",
      "--dns",
      outside.address,
      "busybox",
      "nslookup",
      "-type=a",
      "somewhere.example",
    );
    expect(direct.stdout).toContain("192.0.2.77");
    await daemon.out("network", "rm", "asking");
  } finally {
    resolver.kill("SIGKILL");
    await resolver.exited;
  }
}, 60_000);

test("a link on the default bridge follows its container: another address, another name", async () => {
  await daemon.out("run", "-d", "--name", "base", "--expose", "80", "busybox", "sleep", "1000");
  await daemon.out("run", "-d", "--name", "user", "--link", "base:store", "busybox", "sleep", "1000");
  const line = async () =>
    (await daemon.out("exec", "user", "cat", "/etc/hosts"))
      .split("\n")
      .find((each) => each.includes("store"));
  expect(await line()).toStartWith(`${await addressOf("base")}\tstore `);
  await daemon.out("stop", "-t", "0", "base");
  await daemon.out("run", "-d", "--name", "taker", "busybox", "sleep", "1000");
  await daemon.out("start", "base");
  expect(await line()).toStartWith(`${await addressOf("base")}\tstore `);
  await daemon.out("rename", "base", "renamed");
  expect(await daemon.out("inspect", "-f", "{{.HostConfig.Links}}", "user")).toBe("[/renamed:/user/store]");
  expect(await daemon.out("exec", "user", "env")).toContain("STORE_NAME=/user/store");
  await daemon.out("restart", "-t", "0", "user");
  expect(await line()).toStartWith(`${await addressOf("renamed")}\tstore `);
  await daemon.out("rm", "-f", "renamed", "user", "taker");
}, 60_000);
