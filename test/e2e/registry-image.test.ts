import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type Daemon, startDaemon } from "../harness/daemon.ts";
import { eventually } from "../harness/wait.ts";

setDefaultTimeout(120_000);

let daemon: Daemon;
beforeAll(async () => {
  daemon = await startDaemon({ engine: "berth" });
});
afterAll(async () => {
  await daemon.stop();
});

test("run -d -p 5000:5000 registry:2, without any network", async () => {
  await daemon.ok(["berth", "image", "bootstrap", "registry"], { seconds: 100 });
  const port = daemon.port();
  await daemon.ok([
    "docker",
    "run",
    "-d",
    "-p",
    `127.0.0.1:${port}:5000`,
    "--name",
    "registry",
    "registry:2",
  ]);
  await eventually("the registry answers", async () => (await fetch(`http://127.0.0.1:${port}/v2/`)).ok);
  const tag = await daemon.ok([
    "docker",
    "run",
    "--rm",
    "--entrypoint",
    "htpasswd",
    "registry:2",
    "-Bbn",
    "u",
    "p",
  ]);
  expect(tag.stdout).toMatch(/^u:\$2y\$05\$/);
  await daemon.ok(["docker", "rm", "-fv", "registry"]);
});
