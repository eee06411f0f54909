import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { collect } from "../testing/collect.ts";
import { listing } from "../testing/listing.ts";
import { output, run, Scratch } from "../testing/scratch.ts";
import { variedTree } from "../testing/varied-tree.ts";

// The machine may be busy.
setDefaultTimeout(60_000);

const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());

const KINDS = ["C", "A", "D"];

/** A writable layer over others. */
class Layers {
  readonly lower: string[];
  readonly upper = scratch.folder("upper");
  readonly work = scratch.folder("work");
  readonly merged = scratch.folder("merged");

  /** `lower`: topmost first. */
  constructor(...lower: string[]) {
    this.lower = lower;
  }

  /** Runs a script in the mounted tree. */
  change(script: string): string {
    const options = `lowerdir=${this.lower.join(":")},upperdir=${this.upper},workdir=${this.work}`;
    const run = Bun.spawnSync(
      [
        "unshare",
        "-m",
        "bash",
        "-euc",
        `mount -t overlay overlay -o ${options} ${this.merged}; cd ${this.merged}; ${script}`,
      ],
      { stderr: "pipe" },
    );
    if (run.exitCode !== 0) throw new Error(run.stderr.toString());
    return run.stdout.toString();
  }

  /** What the mounted tree is. */
  listing(): string[] {
    const helper = join(import.meta.dir, "../testing/print-listing.ts");
    return JSON.parse(this.change(`exec ${process.execPath} ${helper} ${this.merged}`));
  }

  async changes(): Promise<string[]> {
    const base = { kind: "overlay", lower: this.lower } as const;
    const { changes } = await run({ job: "changes", upper: this.upper, base, kind: "overlay" });
    return changes.map(({ path, kind }) => `${KINDS[kind]} ${path}`);
  }
}

function image(): string {
  const folder = scratch.folder("image");
  scratch.shell(
    folder,
    `mkdir -p bin d/sub opq/x linkd; for i in bin/ls bin/cat; do echo $i > $i; done; echo 1 > d/f1; echo 2 > d/sub/f2; echo 3 > opq/a
     echo 4 > opq/x/b; find . -exec touch -h -d @1600000000 {} +`,
  );
  return folder;
}

test("as dockerd 20.10.24 and 26.1.5 tell it", async () => {
  const layers = new Layers(image());
  layers.change(
    `echo x > new; echo y >> d/f1; rm d/sub/f2; rm -rf opq; mkdir opq; echo 3 > opq/a; mkdir -p n1/n2; echo > n1/n2/z
     chmod 700 linkd; mv bin/ls bin/ls2; ln d/f1 d/f1h; cat bin/cat; touch d/sub`,
  );
  expect(await layers.changes()).toEqual([
    "C /bin",
    "D /bin/ls",
    "A /bin/ls2",
    "C /d",
    "C /d/f1",
    "A /d/f1h",
    "C /d/sub",
    "D /d/sub/f2",
    "C /linkd",
    "A /n1",
    "A /n1/n2",
    "A /n1/n2/z",
    "A /new",
    "C /opq",
    "C /opq/a",
    "D /opq/x",
  ]);
});

test("nothing changed, or only looked at: nothing", async () => {
  const layers = new Layers(image());
  expect(await layers.changes()).toEqual([]);
  // Copied up, but the same.
  layers.change("chmod 644 d/f1; chmod 755 d; : >> d/sub/f2");
  expect(readdirSync(layers.upper)).toContain("d");
  expect(await layers.changes()).toEqual([]);
});

test("several layers: marks of the lower ones count, capabilities too", async () => {
  const middle = scratch.folder("middle");
  scratch.shell(
    middle,
    `mknod bin c 0 0; mkdir opq; echo m > opq/m; mkdir d; mknod d/f1 c 0 0; echo middle > d/f3; touch -d @1600000000 d/f3
     python3 -c 'import os; os.setxattr("opq","trusted.overlay.opaque",b"y")'`,
  );
  const layers = new Layers(middle, image());
  layers.change(
    `mkdir bin; echo new > bin/ls; echo back > d/f1; rm -r opq; python3 -c 'import os; os.setxattr("d/f3","security.capability",bytes.fromhex("0100000200040000000000000000000000000000"))'
     touch -d @1600000000 d/f3`,
  );
  expect(await layers.changes()).toEqual(["A /bin", "A /bin/ls", "C /d", "A /d/f1", "C /d/f3", "D /opq"]);
});

test("the kind of a file changes", async () => {
  const layers = new Layers(image());
  layers.change(
    "rm d/f1; mkdir d/f1; echo n > d/f1/n; rm -r opq; echo file > opq; rmdir linkd; ln -s d linkd",
  );
  expect(await layers.changes()).toEqual(["C /d", "C /d/f1", "A /d/f1/n", "C /linkd", "C /opq"]);
});

test("the size of what changed, and a whole tree against its base", async () => {
  const [base, upper] = [image(), scratch.folder()];
  scratch.shell(
    upper,
    `cp -a ${base}/. .; echo longer > d/f1; rm -r opq; mkdir n; head -c 1000 /dev/zero > n/f; chmod 600 bin/ls`,
  );
  const result = await run({ job: "changes", upper, base: { kind: "directory", path: base }, kind: "whole" });
  expect(result.changes.map(({ path, kind }) => `${KINDS[kind]} ${path}`)).toEqual([
    "C /bin",
    "C /bin/ls",
    "C /d",
    "C /d/f1",
    "A /n",
    "A /n/f",
    "D /opq",
  ]);
  expect(result.size).toBe(7 + 1000 + 7);
});

test("apply, mount, change, diff, apply: the same tree, by marks and by removing", async () => {
  const source = variedTree(scratch);
  const packed = await output({
    job: "pack",
    view: { kind: "folder", path: source },
    subSecondTimes: true,
    sparse: true,
  });
  const first = scratch.folder("layer");
  await run({ job: "apply", folder: first, whiteouts: "overlay" }, { stdin: [packed.bytes] });

  const layers = new Layers(first);
  layers.change(
    `rm a/file; echo more >> a/b/hard; rm -rf sticky; mkdir sticky; mkdir sticky/new; rm -r a/b/c; ln a/suid a/suid2; rm dangling
     echo over > absolute.txt; mv "with space" "other space"; rm -rf ${"n".repeat(200)}/*; truncate -s 20M sparse2; echo x >> sparse2
     chmod 1755 a; rm empty; mkdir empty; mknod a/newdev c 5 5
     python3 -c 'import os; os.setxattr("a/large","user.added",b"1"); os.removexattr("a/b/hard","user.note")'`,
  );
  const want = layers.listing();
  const layer = await output({
    job: "diff",
    upper: layers.upper,
    kind: "overlay",
    subSecondTimes: true,
    sparse: true,
    digest: true,
  });
  expect(layer.bytes.length).toBeLessThan(2 << 20);

  // As a second layer of an overlay.
  const second = scratch.folder("layer");
  const applied = await run(
    { job: "apply", folder: second, whiteouts: "overlay", lower: [first] },
    { stdin: [layer.bytes] },
  );
  expect(applied.diffId).toBe(layer.result.diffId!);
  const again = new Layers(second, first);
  // A layer does not have the times of its root.
  expect(again.listing().slice(1)).toEqual(want.slice(1));
  expect(await again.changes()).toEqual([]);

  // The marks that came out are those that went in.
  const repacked = await output({
    job: "diff",
    upper: second,
    kind: "overlay",
    subSecondTimes: true,
    sparse: true,
  });
  expect(repacked.bytes.equals(layer.bytes)).toBe(true);

  // On a whole tree.
  const whole = scratch.folder("whole");
  await run({ job: "apply", folder: whole, whiteouts: "overlay" }, { stdin: [packed.bytes] });
  await run({ job: "apply", folder: whole, whiteouts: "remove" }, { stdin: [layer.bytes] });
  expect(listing(whole).slice(1)).toEqual(want.slice(1));
  expect(collect(layer.bytes).some((member) => member.name === ".wh.dangling")).toBe(true);
});
