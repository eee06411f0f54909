import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { collect, never, TestStore } from "../testing/store.test-helper.ts";
import { upstreamVersion } from "./busybox.ts";
import { debianRecipe } from "./debian.ts";
import { sourcesFile } from "./sources.ts";

setDefaultTimeout(120_000);

let store: TestStore;
const path = process.env.PATH!;
beforeEach(async () => {
  store = await TestStore.open();
});
afterEach(async () => {
  process.env.PATH = path;
  await store[Symbol.asyncDispose]();
});

const bootstrap = (name: string, options = {}) => collect(store.images.bootstrap(name, options, never()));

/** Only these tools, and scripts in the place of others. */
function onlyTools(tools: readonly string[], scripts: Record<string, string> = {}): void {
  const folder = join(store.dataRoot, "bin");
  mkdirSync(folder);
  for (const tool of tools) symlinkSync(Bun.which(tool)!, join(folder, tool));
  for (const [name, script] of Object.entries(scripts)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  process.env.PATH = folder;
}

describe("busybox", () => {
  const rootOf = (name: string) => store.snapshots.layerFolders(store.images.resolve(name).chain[0]!)[0]!;

  test("from packages: every applet, users, and the libraries that resolve names; the same image again", async () => {
    const messages = await bootstrap("busybox");
    const id = messages.at(-1)!.status!;
    const image = await store.images.inspect("busybox", {});
    expect(image.Id).toBe(id);
    expect(image.RepoTags).toHaveLength(2);
    expect(image.RepoTags[0]).toMatch(/^busybox:1\.\d+\.\d+$/);
    expect(image.RepoTags[1]).toBe("busybox:latest");
    expect(image.Config.Cmd).toEqual(["sh"]);
    expect(image.Config.Env).toEqual(["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]);
    expect(Date.parse(image.Created)).toBeLessThan(Date.now());
    const root = rootOf("busybox");
    const names = readdirSync(join(root, "bin"));
    expect(names.length).toBeGreaterThan(200);
    for (const name of ["sh", "ls", "wget", "nslookup", "["]) expect(names).toContain(name);
    expect(statSync(join(root, "bin/sh")).ino).toBe(statSync(join(root, "bin/busybox")).ino);
    expect(readFileSync(join(root, "etc/passwd"), "utf8")).toMatch(/^root:x:0:0:.*\n(.*\n)*nobody:x:65534:/);
    expect(statSync(join(root, "tmp")).mode & 0o7777).toBe(0o1777);
    expect(lstatSync(join(root, "usr/bin/env")).isSymbolicLink()).toBe(true);
    // It runs with what is in the image, and nothing else.
    const run = Bun.spawnSync([
      "chroot",
      root,
      "sh",
      "-c",
      "id -un; echo $0; ls /lib | head -1; getent 2>&1 | head -1",
    ]);
    expect(run.stdout.toString()).toStartWith("root\nsh\n");
    const resolved = Bun.spawnSync(["chroot", root, "ping", "-c", "1", "-W", "1", "name.invalid"]);
    expect(resolved.stderr.toString()).toContain("bad address 'name.invalid'");
    expect((await bootstrap("busybox:latest")).at(-1)!.status).toBe(id);
  });

  test("where packages cannot be fetched, the program that is installed", async () => {
    const tools = ["busybox", "ldd", "dpkg-query", "tar", "cat", "bash", "sh"].filter(
      (tool) => Bun.which(tool) !== null,
    );
    onlyTools([...tools, "nice", "rm", "sync"], { "apt-get": "echo 'E: no network' >&2; exit 100" });
    const messages = await bootstrap("busybox");
    expect(messages[1]!.status).toBe(
      "Packages cannot be fetched (apt-get failed with status 100: E: no network); taking the busybox that is installed",
    );
    expect(readdirSync(join(rootOf("busybox"), "bin"))).toContain("sh");
    process.env.PATH = path;
    expect(Bun.spawnSync(["chroot", rootOf("busybox"), "sh", "-c", "echo works"]).stdout.toString()).toBe(
      "works\n",
    );
  });

  test("with nothing to make it of", async () => {
    onlyTools(["nice", "rm"]);
    await expect(bootstrap("busybox")).rejects.toThrow("cannot make busybox: apt-get is not installed");
    expect(readdirSync(join(store.dataRoot, "tmp"))).not.toContain("bootstrap");
  });
});

describe("debian", () => {
  test("names", () => {
    expect(debianRecipe("debian")).toEqual({ suite: "bookworm", slim: false, tags: ["bookworm", "latest"] });
    expect(debianRecipe("debian:latest")).toEqual(debianRecipe("debian")!);
    expect(debianRecipe("debian:bookworm")).toEqual(debianRecipe("debian")!);
    expect(debianRecipe("debian:bookworm-slim")).toEqual({
      suite: "bookworm",
      slim: true,
      tags: ["bookworm-slim"],
    });
    expect(debianRecipe("debian:trixie")).toEqual({ suite: "trixie", slim: false, tags: ["trixie"] });
    for (const bad of ["debian:", "debian:latest-slim", "debian:../x", "debian:a b", "debian:-o", "ubuntu"]) {
      expect(debianRecipe(bad)).toBeUndefined();
    }
  });

  test("the sources that apt in the image has", () => {
    const uri = "http://deb.debian.org/debian";
    const text = sourcesFile([
      { uri, suite: "bookworm" },
      { uri, suite: "bookworm-updates" },
      { uri: `${uri}-security`, suite: "bookworm-security" },
    ]);
    expect(text.split("\n\n").map((stanza) => stanza.split("\n").slice(1, 3))).toEqual([
      ["URIs: http://deb.debian.org/debian", "Suites: bookworm bookworm-updates"],
      ["URIs: http://deb.debian.org/debian-security", "Suites: bookworm-security"],
    ]);
  });

  test("a tool that is missing, one that fails, and a bad mirror, make nothing", async () => {
    const mirror = "http://127.0.0.1:1/debian";
    await expect(bootstrap("debian:bookworm", { mirror: "http://x y" })).rejects.toThrow(
      "is not the address of a mirror",
    );
    onlyTools(["nice", "rm", "tar", "unshare", "apt-get", "apt-config"]);
    await expect(bootstrap("debian:bookworm", { mirror })).rejects.toThrow(
      expect.objectContaining({ message: "mmdebstrap is not installed", hint: "apt-get install mmdebstrap" }),
    );
    writeFileSync(
      join(store.dataRoot, "bin/mmdebstrap"),
      "#!/bin/sh\necho 'E: the mirror is away' >&2\nexit 25\n",
    );
    chmodSync(join(store.dataRoot, "bin/mmdebstrap"), 0o755);
    symlinkSync("/bin/sh", join(store.dataRoot, "bin/sh"));
    await expect(bootstrap("debian:bookworm", { mirror })).rejects.toThrow(
      "unshare failed with status 25: E: the mirror is away",
    );
    await store.images.collect();
    expect(store.content.list()).toEqual([]);
    expect(store.snapshots.list()).toEqual([]);
  });
});

test("other names, and a client that goes away", async () => {
  await expect(bootstrap("alpine")).rejects.toThrow(
    expect.objectContaining({ kind: "invalid-parameter", message: 'cannot bootstrap "alpine"' }),
  );
  await expect(collect(store.images.bootstrap("busybox", {}, AbortSignal.abort()))).rejects.toThrow(
    expect.objectContaining({ kind: "cancelled" }),
  );
});

test("upstream's version of a package's", () => {
  expect(upstreamVersion("1:1.35.0-4+deb12u1+b1")).toBe("1.35.0");
  expect(upstreamVersion("2.0~rc1-1")).toBe("2.0_rc1");
});
