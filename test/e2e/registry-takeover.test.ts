/** A folder of Docker's registry is served by Berth's, and the other way round. */
import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync } from "node:fs";
import { pushImage, verifyBlob, verifyImage } from "../conformance/registry/pusher.ts";
import { type RegistryName, RegistryProcess } from "../conformance/registry/server.ts";
import { runOk } from "../harness/command.ts";
import { BERTH } from "../harness/engine.ts";
import { eventually } from "../harness/wait.ts";

setDefaultTimeout(60_000);

const started: RegistryProcess[] = [];
afterEach(async () => {
  for (const each of started.splice(0)) await each[Symbol.asyncDispose]();
});
async function start(name: RegistryName): Promise<RegistryProcess> {
  const registry = await RegistryProcess.start(name);
  started.push(registry);
  return registry;
}

for (const [from, to] of [
  ["docker-registry", "berth"],
  ["berth", "docker-registry"],
] as const) {
  test(`from ${from} to ${to}`, async () => {
    const old = await start(from);
    const { layer, manifest } = await pushImage(old.url, "team/app", "v1", 100_000);
    await pushImage(old.url, "other", "v2");
    await old.kill();
    const now = await start(to);
    // Without the socket of `berth registry gc`.
    cpSync(old.root, now.root, { recursive: true, filter: (path) => !path.endsWith(".sock") });
    await verifyImage(now.url, "team/app", "v1");
    await verifyImage(now.url, "team/app", manifest.digest);
    await verifyImage(now.url, "other", "v2");
    expect(await (await fetch(`${now.url}/v2/_catalog`)).json()).toEqual({
      repositories: ["other", "team/app"],
    });
    expect(await (await fetch(`${now.url}/v2/team/app/tags/list`)).json()).toEqual({
      name: "team/app",
      tags: ["v1"],
    });
    await pushImage(now.url, "team/app", "v3");
    if (to === "docker-registry") return;
    const collect = () => runOk([BERTH, "registry", "gc", "--storage", now.root, "--gc-grace", "0s"]);
    await collect();
    await verifyImage(now.url, "team/app", "v1");
    await verifyBlob(now.url, "team/app", layer.digest);
    await fetch(`${now.url}/v2/team/app/manifests/${manifest.digest}`, { method: "DELETE" });
    await eventually("the layer is collected", async () => {
      await collect();
      return (await fetch(`${now.url}/v2/team/app/blobs/${layer.digest}`)).status === 404;
    });
    await verifyImage(now.url, "team/app", "v3");
  });
}
