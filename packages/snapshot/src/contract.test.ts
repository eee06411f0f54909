import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Digest, encoded, sha256 } from "@berth/base";
import { chainIds } from "@berth/spec";
import { openCopySnapshots } from "./copy/copy-snapshots.ts";
import type { LayerJobs } from "./jobs.ts";
import { openOverlaySnapshots } from "./overlay/overlay-snapshots.ts";
import type { LayerInProgress, Snapshots } from "./snapshots.ts";

/** None of these tests reads files of containers. */
const refuse = () => {
  throw new Error("not expected here");
};
const jobs: LayerJobs = { diskUsage: refuse, changes: refuse, changedSize: refuse };

/** One suite for every driver. */
describe.each([
  ["overlay2", openOverlaySnapshots],
  ["vfs", openCopySnapshots],
] as const)("%s", (driver, open) => {
  let dataRoot: string;
  let snapshots: Snapshots;
  beforeEach(async () => {
    dataRoot = mkdtempSync(join(tmpdir(), "berth-snapshot-"));
    snapshots = await open({ dataRoot, jobs });
  });
  afterEach(async () => {
    await snapshots[Symbol.asyncDispose]();
    rmSync(dataRoot, { recursive: true, force: true });
  });

  const diffs = (count: number): Digest[] => Array.from({ length: count }, (_, n) => sha256(`diff ${n}`));

  /** Layers that hold one file each, named after the layer. */
  async function unpack(count: number): Promise<Digest[]> {
    const chain = chainIds(diffs(count));
    for (const [n, chainId] of chain.entries()) {
      await using layer = await snapshots.prepareLayer(chainId, chain.slice(0, n));
      writeFileSync(join(layer.directory, `file${n}`), `content ${n}`);
      await layer.commit({ diffId: diffs(count)[n]!, size: 9 });
    }
    return chain;
  }

  /** Runs a program over a mounted root filesystem, in a mount namespace of its own. */
  function inside(mount: ReturnType<Snapshots["view"]>, script: string): string {
    const target = mkdtempSync(join(tmpdir(), "berth-mnt-"));
    try {
      let prepare: string;
      if (mount.kind === "directory") prepare = `mount --bind ${mount.path} ${target}`;
      else {
        const common = dirname(mount.lower[0]!);
        const relative = mount.lower.every((path) => dirname(path) === common);
        const lower = relative ? mount.lower.map((path) => path.slice(common.length + 1)) : mount.lower;
        const upper = mount.upper === undefined ? "" : `,upperdir=${mount.upper},workdir=${mount.work}`;
        prepare = `cd ${relative ? common : "/"} && mount -i -t overlay overlay -o lowerdir=${lower.join(":")}${upper} ${target}`;
      }
      const run = Bun.spawnSync(["unshare", "-m", "sh", "-ec", `${prepare}\ncd ${target}\n${script}`]);
      if (run.exitCode !== 0) throw new Error(run.stderr.toString());
      return run.stdout.toString();
    } finally {
      rmSync(target, { recursive: true, force: true });
    }
  }

  test("names itself, and knows layers that were committed, also after a restart", async () => {
    expect(snapshots.driver).toBe(driver);
    const chain = await unpack(3);
    for (const each of [snapshots, await open({ dataRoot, jobs })]) {
      expect(each.list().sort()).toEqual([...chain].sort());
      expect(each.layerFacts(chain[2]!)).toEqual({ diffId: diffs(3)[2]!, size: 9 });
      expect(each.layerSize(chain[0]!)).toBe(9);
      expect(inside(each.view(chain), "ls; cat file1")).toBe("file0\nfile1\nfile2\ncontent 1");
      expect(inside(each.view(chain.slice(0, 1)), "ls")).toBe("file0\n");
    }
    expect(snapshots.has(sha256("?"))).toBe(false);
    expect(() => snapshots.layerSize(sha256("?"))).toThrow("is not there");
    expect(() => snapshots.view([sha256("?")])).toThrow("is not there");
  });

  test("a layer that is not committed never was", async () => {
    const chain = await unpack(1);
    const next = sha256("next");
    let directory: string;
    {
      await using layer = await snapshots.prepareLayer(next, chain);
      directory = layer.directory;
      writeFileSync(join(directory, "half"), "");
    }
    expect(snapshots.has(next)).toBe(false);
    expect(existsSync(directory)).toBe(false);

    const crashed = await snapshots.prepareLayer(next, chain);
    const again = await open({ dataRoot, jobs });
    expect(again.has(next)).toBe(false);
    expect(existsSync(crashed.directory)).toBe(false);
    await again[Symbol.asyncDispose]();
    expect(readdirSync(join(dataRoot, "trash"))).toEqual([]);
  });

  test("a layer without its facts is thrown away at the start, and stray links too", async () => {
    const chain = await unpack(1);
    rmSync(join(dataRoot, "layers", encoded(chain[0]!), "layer.json"));
    symlinkSync("../nowhere/fs", join(dataRoot, "layers", "l", "stray"));
    const again = await open({ dataRoot, jobs });
    expect(again.list()).toEqual([]);
    expect(readdirSync(join(dataRoot, "layers", "l"))).toEqual([]);
    await again[Symbol.asyncDispose]();
  });

  test("the same layer twice at once: one stays, both succeed", async () => {
    const [chainId] = chainIds(diffs(1));
    const layers = await Promise.all([1, 2, 3].map(() => snapshots.prepareLayer(chainId!, [])));
    for (const layer of layers) writeFileSync(join(layer.directory, "same"), "x");
    await Promise.all(layers.map((layer) => layer.commit({ diffId: diffs(1)[0]!, size: 1 })));
    expect(inside(snapshots.view([chainId!]), "ls")).toBe("same\n");
    expect(readdirSync(join(dataRoot, "layers", "new"))).toEqual([]);
  });

  test("a layer knows the one below that is not committed yet", async () => {
    if (!snapshots.layersAreIndependent) return;
    const chain = chainIds(diffs(2));
    await using below = await snapshots.prepareLayer(chain[0]!, []);
    chmodSync(below.directory, 0o1711);
    await using above = await snapshots.prepareLayer(chain[1]!, chain.slice(0, 1));
    expect(statSync(above.directory).mode & 0o7777).toBe(0o1711);
    await expect(snapshots.prepareLayer(sha256("x"), [sha256("?")])).rejects.toThrow("is not there");
  });

  test("removed layers are gone at once", async () => {
    const chain = await unpack(2);
    await snapshots.removeLayer(chain[1]!);
    await snapshots.removeLayer(chain[1]!);
    expect(snapshots.list()).toEqual([chain[0]!]);
    expect(existsSync(join(dataRoot, "layers", encoded(chain[1]!)))).toBe(false);
    await snapshots[Symbol.asyncDispose]();
    expect(readdirSync(join(dataRoot, "trash"))).toEqual([]);
    expect((await open({ dataRoot, jobs })).list()).toEqual([chain[0]!]);
  });

  test("writable layers take changes and leave the image alone", async () => {
    const chain = await unpack(2);
    const made = await snapshots.createWritable("c1", { chain });
    await snapshots.createWritable("c2", { chain });
    inside(made, "echo changed > file0; rm file1; mkdir -p a/b; echo new > a/b/c");
    const found = (await open({ dataRoot, jobs })).writable("c1");
    expect(found).toEqual(made);
    expect(inside(found, "find . | sort; cat file0")).toBe(".\n./a\n./a/b\n./a/b/c\n./file0\nchanged\n");
    expect(inside(snapshots.writable("c2"), "ls; cat file0")).toBe("file0\nfile1\ncontent 0");
    expect(inside(snapshots.view(chain), "ls; cat file0")).toBe("file0\nfile1\ncontent 0");
    expect(readFileSync(join(found.upperDirectory, "a/b/c"), "utf8")).toBe("new\n");
    await expect(snapshots.createWritable("c1", { chain })).rejects.toThrow("exists already");
  });

  test("an image without layers", async () => {
    const made = await snapshots.createWritable("scratch", { chain: [] });
    expect(inside(made, "echo x > y; ls")).toBe("y\n");
    expect(inside(snapshots.view([]), "ls")).toBe("");
    expect(snapshots.writable("scratch")).toEqual(made);
  });

  test("removal does not wait for large trees, and what a crash left is deleted at the next start", async () => {
    const chain = await unpack(1);
    const made = await snapshots.createWritable("c1", { chain });
    let deep = made.upperDirectory;
    for (let n = 0; n < 40; n++) {
      deep = join(deep, "d".repeat(50));
      mkdirSync(deep);
    }
    await snapshots.removeWritable("c1");
    await snapshots.removeWritable("c1");
    await snapshots.removeWritable("never");
    expect(existsSync(made.upperDirectory)).toBe(false);
    expect(() => snapshots.writable("c1")).toThrow("layer not found: c1");
    expect(readdirSync(join(dataRoot, "containers", "c1"))).toEqual([]);

    mkdirSync(join(dataRoot, "trash", "left/over"), { recursive: true });
    const again = await open({ dataRoot, jobs });
    await again[Symbol.asyncDispose]();
    await snapshots[Symbol.asyncDispose]();
    expect(readdirSync(join(dataRoot, "trash"))).toEqual([]);
  });

  test("a chain that is not there makes nothing", async () => {
    await expect(snapshots.createWritable("c1", { chain: [sha256("?")] })).rejects.toThrow("is not there");
    expect(existsSync(join(dataRoot, "containers", "c1", "layer"))).toBe(false);
    for (const id of ["../x", "", "a/b", "."]) {
      expect(() => snapshots.writable(id)).toThrow("layer not found");
      await expect(snapshots.createWritable(id, { chain: [] })).rejects.toThrow("layer not found");
    }
  });

  test("owner and mode of the root folder are those of the image", async () => {
    const chain = chainIds(diffs(2));
    for (const [n, chainId] of chain.entries()) {
      await using layer = await snapshots.prepareLayer(chainId, chain.slice(0, n));
      if (n === 0) chmodSync(layer.directory, 0o1750);
      await layer.commit({ diffId: diffs(2)[n]!, size: 0 });
    }
    const made = await snapshots.createWritable("c1", { chain });
    expect(inside(made, "stat -c %a .")).toBe("1750\n");
    expect(statSync(made.upperDirectory).mode & 0o7777).toBe(0o1750);
  });

  test("127 layers can be mounted", async () => {
    const chain = chainIds(diffs(127));
    if (snapshots.layersAreIndependent) {
      const layers: LayerInProgress[] = [];
      for (const [n, chainId] of chain.entries()) {
        layers.push(await snapshots.prepareLayer(chainId, chain.slice(0, n)));
      }
      for (const [n, layer] of layers.entries()) writeFileSync(join(layer.directory, `file${n}`), "");
      await Promise.all(layers.map((layer, n) => layer.commit({ diffId: diffs(127)[n]!, size: 0 })));
    } else {
      await unpack(5);
    }
    const made = await snapshots.createWritable("c1", {
      chain: snapshots.layersAreIndependent ? chain : chain.slice(0, 5),
    });
    expect(inside(made, "ls | wc -l; echo x > y; cat y")).toBe(
      `${snapshots.layersAreIndependent ? 127 : 5}\nx\n`,
    );
    expect((await open({ dataRoot, jobs })).writable("c1")).toEqual(made);
  });

  test("a patch is what it is over, with what is added and replaced; that stays as long as it is needed", async () => {
    const chain = await unpack(1);
    const [whole, patch, second] = ["whole", "patch", "second"].map((name) => sha256(name)) as [
      Digest,
      Digest,
      Digest,
    ];
    if (!snapshots.layersAreIndependent) {
      await expect(snapshots.prepareLayer(patch, chain, chain[0])).rejects.toThrow("no patches");
      return;
    }
    const make = async (id: Digest, over: Digest | undefined, files: Record<string, string>) => {
      await using layer = await snapshots.prepareLayer(id, chain, over);
      mkdirSync(join(layer.directory, "d"));
      for (const [name, text] of Object.entries(files)) writeFileSync(join(layer.directory, name), text);
      const size = Object.values(files).join("").length;
      await layer.commit({ diffId: id, size }, { private: true, listing: `of ${id}` });
    };
    await make(whole, undefined, { "d/a": "1", "d/b": "1" });
    await make(patch, whole, { "d/b": "2" });
    await make(second, patch, { "d/c": "3" });
    expect(snapshots.wholeLayer(second)).toBe(whole);
    expect(snapshots.layerListing(patch)).toBe(`of ${patch}`);
    const show = "cd d; for f in *; do echo $f $(cat $f); done";
    expect(inside(snapshots.view([...chain, patch]), show)).toBe("a 1\nb 2\n");
    // Both patches are over the layer that is complete.
    expect(inside(snapshots.view([...chain, second]), show)).toBe("a 1\nb 1\nc 3\n");

    const image = sha256("image");
    await snapshots.share(patch, image, chain, { diffId: patch, size: 2 });
    expect(snapshots.layerSize(image)).toBe(2);
    const parts = [
      { id: patch, size: 1 },
      { id: whole, size: 2 },
    ];
    expect(snapshots.layerParts(image)).toEqual(parts);
    expect(snapshots.layerParts(whole)).toEqual(parts.slice(1));
    const shared = () => [whole, second, patch, image].filter((layer) => snapshots.isShared(layer));
    expect(shared()).toEqual([whole, patch, image]);
    for (const layer of [whole, patch]) await snapshots.removeLayer(layer);
    expect(shared()).toContain(image);
    await snapshots.removeLayer(second);
    expect(shared()).not.toContain(image);
    expect(snapshots.list("private")).toEqual([]);
    const again = await open({ dataRoot, jobs });
    expect(again.list("private")).toEqual([]);
    expect(inside(again.view([...chain, image]), show)).toBe("a 1\nb 2\n");
    await again.removeLayer(image);
    expect(readdirSync(join(dataRoot, "layers")).sort()).toEqual(
      [encoded(chain[0]!), "empty", "l", "new"].sort(),
    );
    await again[Symbol.asyncDispose]();
  });

  test("what a patch is over may be removed while it is made; a patch over nothing is incomplete", async () => {
    if (!snapshots.layersAreIndependent) return;
    const [whole, patch, given] = ["whole", "patch", "given up"].map((name) => sha256(name)) as [
      Digest,
      Digest,
      Digest,
    ];
    await using first = await snapshots.prepareLayer(whole, []);
    writeFileSync(join(first.directory, "a"), "1");
    await first.commit({ diffId: whole, size: 1 }, { private: true });
    {
      await using layer = await snapshots.prepareLayer(patch, [], whole);
      await using _abandoned = await snapshots.prepareLayer(given, [], whole);
      await snapshots.removeLayer(whole);
      writeFileSync(join(layer.directory, "b"), "2");
      await layer.commit({ diffId: patch, size: 1 }, { private: true });
    }
    expect(inside(snapshots.view([patch]), "cat a b")).toBe("12");
    rmSync(join(dataRoot, "layers", encoded(whole)), { recursive: true });
    const again = await open({ dataRoot, jobs });
    expect(again.has(patch)).toBe(false);
    await again[Symbol.asyncDispose]();
  });

  test("metadata are what inspect shows", async () => {
    const chain = await unpack(2);
    const made = await snapshots.createWritable("c1", { chain });
    if (driver === "vfs") return expect(snapshots.metadata(chain, "c1")).toBeNull();
    const layer = (n: number) => join(dataRoot, "layers", encoded(chain[n]!));
    expect(snapshots.metadata(chain)).toEqual({
      LowerDir: `${layer(0)}/fs`,
      MergedDir: `${layer(1)}/merged`,
      UpperDir: `${layer(1)}/fs`,
      WorkDir: `${layer(1)}/work`,
    });
    expect(snapshots.metadata(chain.slice(0, 1))).not.toHaveProperty("LowerDir");
    expect(snapshots.metadata(chain, "c1")).toMatchObject({
      LowerDir: `${layer(1)}/fs:${layer(0)}/fs`,
      UpperDir: made.upperDirectory,
    });
    expect(lstatSync(join(dataRoot, "containers/c1/layer")).isSymbolicLink()).toBe(true);
  });
});
