/** Images of several platforms, through files: OCI layouts and docker-archives. Berth only: Debian's Docker knows no --platform here. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { runOk } from "../harness/command.ts";
import { type Daemon, startDaemon } from "../harness/daemon.ts";
import { engineOfThisRun } from "../harness/engine.ts";
import { writeLayout } from "../harness/oci-layout.ts";

const isBerth = engineOfThisRun() === "berth";
let daemon: Daemon;
let folder = "";
beforeAll(async () => {
  daemon = await startDaemon({ images: ["busybox"] });
  folder = join(daemon.scope.directory, "platforms");
  mkdirSync(folder);
  writeLayout(join(folder, "layout"), "docker.io/library/multi:1", [
    { os: "linux", architecture: "amd64" },
    { os: "linux", architecture: "arm64", variant: "v8" },
    { os: "linux", architecture: "arm", variant: "v7" },
  ]);
  await runOk(["tar", "-cf", join(folder, "layout.tar"), "-C", join(folder, "layout"), "."]);
}, 120_000);
afterAll(() => daemon.stop(), 60_000);

const architecture = (image: string) => daemon.out("image", "inspect", "-f", "{{.Architecture}}", image);

for (const client of isBerth ? ["docker", "berth"] : []) {
  const run = (words: string) => daemon.run([client, ...words.split(" ")]);

  test(`${client} load: this machine's platform, or the one that is asked for`, async () => {
    const host = process.arch === "arm64" ? "arm64" : "amd64";
    const plain = await run(`load -i ${folder}/layout.tar`);
    expect(plain).toMatchObject({ exitCode: 0 });
    expect(plain.stdout).toContain("Loaded image: multi:1");
    expect(await architecture("multi:1")).toBe(host);
    expect(await run(`load --platform linux/arm/v7 -i ${folder}/layout.tar`)).toMatchObject({ exitCode: 0 });
    expect(await architecture("multi:1")).toBe("arm");
    const none = await run(`load --platform linux/s390x -i ${folder}/layout.tar`);
    expect(none.exitCode).toBe(1);
    expect(none.stderr).toContain("linux/s390x");
    await daemon.out("rmi", "-f", "multi:1");
  });

  test(`${client} save, history, inspect: of another platform than the image's is an error`, async () => {
    await run(`load --platform linux/arm64 -i ${folder}/layout.tar`);
    for (const words of [
      `save --platform linux/s390x -o ${folder}/none.tar multi:1`,
      "history --platform linux/s390x multi:1",
      "image inspect --platform linux/s390x multi:1",
    ]) {
      const wrong = await run(words);
      expect({ words, exitCode: wrong.exitCode }).toEqual({ words, exitCode: 1 });
      expect(wrong.stderr).toContain("s390x");
    }
    expect(
      await run(`save --platform linux/arm64 -o ${folder}/${client}.tar multi:1 busybox:latest`),
    ).toMatchObject({ exitCode: 1 });
    expect(await run(`save --platform linux/arm64 -o ${folder}/${client}.tar multi:1`)).toMatchObject({
      exitCode: 0,
    });
    expect((await run("history --platform linux/arm64 multi:1")).stdout).toContain("a test");
    await daemon.out("rmi", "-f", "multi:1");
    await daemon.ok([client, "load", "-i", `${folder}/${client}.tar`]);
    expect(await architecture("multi:1")).toBe("arm64");
    await daemon.out("rmi", "-f", "multi:1");
  });

  test(`${client} save of many images: each comes back under its names`, async () => {
    await run(`load --platform linux/arm64 -i ${folder}/layout.tar`);
    await daemon.out("tag", "multi:1", "again:2");
    const before = await daemon.out("images", "-q", "--no-trunc", "multi");
    await daemon.ok([client, "save", "-o", `${folder}/many.tar`, "multi:1", "again:2", "busybox:latest"]);
    await daemon.out("rmi", "-f", "multi:1", "again:2");
    const loaded = await run(`load -q -i ${folder}/many.tar`);
    for (const name of ["multi:1", "again:2", "busybox:latest"])
      expect(loaded.stdout).toContain(`Loaded image: ${name}\n`);
    expect(await daemon.out("images", "-q", "--no-trunc", "again")).toBe(before);
    await daemon.out("rmi", "-f", "multi:1", "again:2");
  });

  test(`${client} images: trees and digests`, async () => {
    const tree = await run("images --tree");
    expect(tree).toMatchObject({ exitCode: 0 });
    expect(tree.stdout).toMatch(/busybox:latest +[0-9a-f]{12} +[\d.]+[kM]B/);
    const digests = await run("images --digests busybox");
    expect(digests.stdout.split("\n")[0]).toMatch(/REPOSITORY +TAG +DIGEST +IMAGE ID/);
  });

  test(`${client} image prune: until, label, label!, all`, async () => {
    const make = (name: string, label: string) =>
      daemon.ok([
        "sh",
        "-ec",
        `printf x | tar -cf - -C ${folder} layout.tar | docker import -c 'LABEL ${label}' - ${name}`,
      ]);
    await make("keep:1", "keep=yes");
    await make("drop:1", "keep=no");
    const prune = async (words: string) => (await run(`image prune -f ${words}`)).stdout;
    const there = async () =>
      (await daemon.out("images", "--format", "{{.Repository}}", "--filter", "label=keep"))
        .split("\n")
        .sort();
    expect(await prune("")).not.toContain("keep:1");
    expect(await prune("-a --filter label=keep --filter until=24h")).not.toContain("untagged: keep:1");
    expect(await prune("-a --filter label=keep --filter label!=keep=yes")).toContain("untagged: drop:1");
    expect(await there()).toEqual(["keep"]);
    const bad = await run("image prune -f --filter until=soon");
    expect(bad.exitCode).toBe(1);
    expect(await prune("-a --filter label=keep=yes --filter until=0s")).toContain("untagged: keep:1");
    expect(await there()).toEqual([""]);
  });
}

test("events of a prune name nothing", async () => {
  const since = Math.floor(Date.now() / 1000) - 1;
  await daemon.out("image", "prune", "-f");
  const text = await daemon.out(
    ...["events", "--since", String(since), "--until", String(since + 2), "--format", "{{json .}}"],
    ...["--filter", "event=prune"],
  );
  const event = JSON.parse(text.split("\n").at(-1)!) as Record<string, unknown>;
  expect(event).toMatchObject({ status: "prune", Type: "image", Action: "prune", Actor: { ID: "" } });
  expect("id" in event).toBe(false);
}, 30_000);
