/** Several daemons on one host do not disturb each other. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Daemon, startDaemon } from "../harness/daemon.ts";
import { eventually } from "../harness/wait.ts";

let one: Daemon;
let two: Daemon;
beforeAll(async () => {
  one = await startDaemon({ images: ["busybox"] });
  two = await startDaemon({ images: ["busybox"] });
}, 120_000);
afterAll(async () => {
  await Promise.all([one?.stop(), two?.stop()]);
}, 60_000);

test("the same names, both run, neither sees the other", async () => {
  const server = (text: string) => [
    "sh",
    "-c",
    `mkdir /www; echo ${text} > /www/index.html; httpd -f -p 80 -h /www`,
  ];
  const ports: number[] = [];
  for (const [daemon, text] of [
    [one, "one"],
    [two, "two"],
  ] as const) {
    const port = daemon.port();
    ports.push(port);
    await daemon.out("network", "create", "same");
    await daemon.out(
      "run",
      "-d",
      "--name",
      "same",
      "--network",
      "same",
      "-v",
      "same:/v",
      "-p",
      `${port}:80`,
      "busybox",
      ...server(text),
    );
    await eventually(
      "served",
      async () => (await daemon.host("curl", "-sf", `http://127.0.0.1:${port}/`)).stdout === `${text}\n`,
    );
  }
  expect(await one.out("run", "--rm", "--network", "same", "busybox", "wget", "-qO-", "http://same/")).toBe(
    "one",
  );
  expect(await two.out("run", "--rm", "--network", "same", "busybox", "wget", "-qO-", "http://same/")).toBe(
    "two",
  );
  // One of them removes everything and stops; the other does not notice.
  await one.out("rm", "-f", "-v", "same");
  await one.out("network", "rm", "same");
  await one.kill("SIGTERM");
  expect((await two.host("curl", "-sf", `http://127.0.0.1:${ports[1]}/`)).stdout).toBe("two\n");
  expect(await two.out("run", "--rm", "--network", "same", "busybox", "wget", "-qO-", "http://same/")).toBe(
    "two",
  );
  await one.start();
  expect(await one.out("run", "--rm", "busybox", "echo", "back")).toBe("back");
  expect((await two.host("curl", "-sf", `http://127.0.0.1:${ports[1]}/`)).stdout).toBe("two\n");
}, 60_000);
