/** What the command line does with registries by itself: manifest lists, imagetools. Docker's own is the oracle. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { baseEnvironment, type CommandResult, run } from "../harness/command.ts";
import { DOCKER } from "../harness/daemon.ts";
import { startDockerRegistry, type TestRegistry } from "../harness/docker-registry.ts";
import { BERTH } from "../harness/engine.ts";
import { writeLayout } from "../harness/oci-layout.ts";

const folder = mkdtempSync(join(tmpdir(), "berth-registry-tools-"));
let open: TestRegistry;
let guarded: TestRegistry;
let index = "";

const environment = (home: string) => ({
  ...baseEnvironment(join(folder, home)),
  // Nobody listens: these commands need no daemon.
  DOCKER_HOST: `unix://${join(folder, "nobody.sock")}`,
});
const berth = (words: string, home = "berth") =>
  run([BERTH, ...words.split(" ")], { env: environment(home), seconds: 60 });
const docker = (words: string, home = "docker") =>
  run([DOCKER, ...words.split(" ")], { env: environment(home), seconds: 60 });
const skopeo = async (...words: string[]) => {
  const result = await run(["skopeo", "--insecure-policy", ...words], { env: environment("skopeo") });
  expect(result).toMatchObject({ exitCode: 0 });
  return result.stdout;
};

beforeAll(async () => {
  open = await startDockerRegistry({ folder: join(folder, "open") });
  guarded = await startDockerRegistry({ folder: join(folder, "guarded"), users: { me: "secret" } });
  index = writeLayout(join(folder, "layout"), "multi", [
    { os: "linux", architecture: "amd64" },
    { os: "linux", architecture: "arm64", variant: "v8" },
    { os: "linux", architecture: "arm", variant: "v7" },
  ]);
  const from = `oci:${folder}/layout:multi`;
  await skopeo("copy", "--all", "--dest-tls-verify=false", from, `docker://${open.host}/multi:1`);
  await skopeo(
    ...["copy", "--all", "--dest-tls-verify=false", "--dest-creds", "me:secret"],
    ...[from, `docker://${guarded.host}/multi:1`],
  );
  for (const architecture of ["amd64", "arm64"]) {
    const one = (tag: string, ...more: string[]) =>
      skopeo(
        ...["--override-arch", architecture, "copy", "--dest-tls-verify=false", ...more],
        ...[from, `docker://${open.host}/one:${tag}`],
      );
    await one(architecture);
    await one(`${architecture}-s2`, "--format", "v2s2");
  }
}, 60_000);

afterAll(async () => {
  await open?.[Symbol.asyncDispose]();
  await guarded?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** The same words to both command lines, each with a home of its own; names of what they make differ by `§`. */
async function both(words: string): Promise<{ ours: CommandResult; docker: CommandResult }> {
  const text = words.replaceAll("R/", `${open.host}/`);
  const ours = await berth(text.replaceAll("§", "b"));
  const theirs = await docker(text.replaceAll("§", "d"));
  const same = (result: CommandResult, letter: string): CommandResult => ({
    ...result,
    stdout: result.stdout.replaceAll(`made-${letter}`, "made-§"),
    stderr: result.stderr.replaceAll(`made-${letter}`, "made-§"),
  });
  return { ours: same(ours, "b"), docker: same(theirs, "d") };
}

test("manifest: every step and its output as Docker's, to the byte", async () => {
  const steps = [
    "manifest inspect --insecure R/multi:1",
    "manifest inspect --insecure -v R/multi:1",
    "manifest inspect --insecure R/one:amd64",
    "manifest inspect --insecure -v R/one:amd64-s2",
    "manifest inspect --insecure R/one:none",
    "manifest inspect --insecure R/none",
    "manifest create --insecure R/made-§:1 R/one:amd64-s2 R/one:arm64-s2",
    "manifest create --insecure R/made-§:1 R/one:amd64-s2",
    "manifest create --insecure --amend R/made-§:1 R/one:amd64-s2",
    "manifest create --insecure R/made-§:2 R/multi:1",
    "manifest inspect R/made-§:1",
    "manifest inspect -v R/made-§:1",
    "manifest inspect R/made-§:1 R/one:amd64-s2",
    "manifest annotate R/made-§:1 R/one:arm64-s2 --variant v9 --os-version 5 --os-features a,b",
    "manifest annotate R/made-§:1 R/one:arm64-s2 --arch foo --os bar",
    "manifest annotate R/made-§:1 R/one:none --arch arm64",
    "manifest inspect R/made-§:1",
    "manifest push --insecure R/made-§:1",
    "manifest inspect --insecure R/made-§:1",
    "manifest push --insecure --purge R/made-§:1",
    "manifest rm R/made-§:1",
    "manifest push --insecure R/made-§:1",
    "manifest create --insecure R/made-§/oci:1 R/one:amd64 R/one:arm64",
    "manifest push --insecure R/made-§/oci:1",
    "manifest rm R/made-§/oci:1 R/made-§/oci:2",
  ];
  for (const step of steps) {
    const { ours, docker: theirs } = await both(step);
    expect({ step, ...ours }).toEqual({ step, ...theirs });
  }
  // What was pushed is an image that others can use.
  const raw = await skopeo("inspect", "--raw", "--tls-verify=false", `docker://${open.host}/made-b/oci:1`);
  expect(JSON.parse(raw).manifests).toHaveLength(2);
  await skopeo(
    ...["--override-arch", "arm64", "copy", "--src-tls-verify=false"],
    ...[`docker://${open.host}/made-b/oci:1`, `oci:${folder}/back:1`],
  );
}, 60_000);

test("a list that Docker's command line made is pushed by ours", async () => {
  const home = "shared";
  await docker(`manifest create --insecure ${open.host}/shared:1 ${open.host}/one:amd64`, home);
  expect(await berth(`manifest push ${open.host}/shared:1`, home)).toMatchObject({ exitCode: 0, stderr: "" });
  expect(await skopeo("inspect", "--tls-verify=false", `docker://${open.host}/shared:1`)).toContain("amd64");
});

test("imagetools inspect", async () => {
  const name = `${open.host}/multi:1`;
  const shown = await berth(`buildx imagetools inspect ${name}`);
  expect(shown).toMatchObject({ exitCode: 0, stderr: "" });
  expect(shown.stdout).toStartWith(
    `Name:      ${name}\nMediaType: application/vnd.oci.image.index.v1+json\nDigest:    ${index}\n           \nManifests: \n`,
  );
  expect(shown.stdout).toContain("  Platform:  linux/arm64/v8\n");
  const raw = await berth(`buildx imagetools inspect --raw ${name}`);
  expect(raw.stdout).toBe(await skopeo("inspect", "--raw", "--tls-verify=false", `docker://${name}`));
  const format = async (template: string) =>
    (
      await run([BERTH, "buildx", "imagetools", "inspect", "--format", template, name], {
        env: environment("berth"),
      })
    ).stdout;
  expect(await format("{{range .Manifest.Manifests}}{{.Platform.Architecture}} {{end}}")).toBe(
    "amd64 arm64 arm ",
  );
  expect(await format('{{(index .Image "linux/arm64").Config.Labels.made}} {{.Manifest.Digest}}')).toBe(
    `here ${index}`,
  );
  expect(JSON.parse(await format("{{json .}}"))).toMatchObject({
    name,
    manifest: { digest: index },
    image: { "linux/amd64": { architecture: "amd64", config: { Cmd: ["/bin/true"] } } },
  });
  expect(await berth(`buildx imagetools inspect ${open.host}/none:1`)).toMatchObject({
    exitCode: 1,
    stderr: `ERROR: ${open.host}/none:1: not found\n`,
  });
});

test("imagetools create: of two images, appended, annotated, to another registry", async () => {
  const raw = async (name: string) =>
    JSON.parse(
      await skopeo("inspect", "--raw", "--tls-verify=false", "--creds", "me:secret", `docker://${name}`),
    ) as { manifests: { platform: { architecture: string } }[]; annotations?: object };
  const create = (words: string, home?: string) => berth(`buildx imagetools create ${words}`, home);
  const one = `${open.host}/one`;
  expect(await create(`-t ${open.host}/it:1 ${one}:amd64 ${one}:arm64`)).toMatchObject({ exitCode: 0 });
  expect((await raw(`${open.host}/it:1`)).manifests).toHaveLength(2);
  expect(await create(`--append -t ${open.host}/it:1 ${open.host}/multi:1`)).toMatchObject({ exitCode: 0 });
  const appended = await raw(`${open.host}/it:1`);
  expect(appended.manifests.map(({ platform }) => platform.architecture)).toEqual(["amd64", "arm64", "arm"]);
  expect(await create(`--annotation index:a=b -t ${open.host}/it:2 ${open.host}/multi:1`)).toMatchObject({
    exitCode: 0,
  });
  expect((await raw(`${open.host}/it:2`)).annotations).toEqual({ a: "b" });
  const dry = await create(`--dry-run ${one}:amd64-s2`);
  expect(JSON.parse(dry.stdout).mediaType).toBe("application/vnd.docker.distribution.manifest.list.v2+json");

  // Through this process, with credentials of config.json.
  const refused = await create(`-t ${guarded.host}/copy:1 ${open.host}/multi:1`);
  expect(refused.exitCode).toBe(1);
  expect(refused.stderr).toContain("no basic auth credentials");
  const home = "guarded";
  const auth = Buffer.from("me:secret").toString("base64");
  await Bun.write(
    join(folder, home, ".docker/config.json"),
    JSON.stringify({ auths: { [guarded.host]: { auth } } }),
  );
  expect(await create(`-t ${guarded.host}/copy:1 ${open.host}/multi:1`, home)).toMatchObject({ exitCode: 0 });
  expect((await raw(`${guarded.host}/copy:1`)).manifests).toHaveLength(3);
  await skopeo(
    ...["copy", "--all", "--src-tls-verify=false", "--src-creds", "me:secret"],
    ...[`docker://${guarded.host}/copy:1`, `oci:${folder}/copied:1`],
  );
}, 60_000);
