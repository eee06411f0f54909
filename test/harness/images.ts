/** Images for tests, made once for each machine and kept as archives that any engine loads. */
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { isAlive, type Owner, thisProcess } from "./scope.ts";
import { isStandIn, makeStandIns, recipeOf, STAND_INS, type StandIn } from "./stand-ins.ts";
import { eventually } from "./wait.ts";

type Bootstrapped = "busybox" | "debian:bookworm";
export type TestImage = Bootstrapped | StandIn;

const CACHE = process.env.BERTH_TEST_IMAGES ?? join(homedir(), ".cache/berth-test");
/** Not a folder that somebody prepared. */
const isOurs = process.env.BERTH_TEST_IMAGES === undefined;
const ROOT = resolve(import.meta.dir, "../..");

/** An archive is made anew when what makes the image has changed. */
function recipeHash(image: TestImage): string {
  const hash = createHash("sha256");
  // A stand-in is one on any base.
  if (isStandIn(image)) hash.update(recipeOf(image));
  else {
    const files = [...new Bun.Glob("packages/image/src/bootstrap/**/*.ts").scanSync({ cwd: ROOT })].sort();
    for (const file of files)
      if (!file.endsWith(".test.ts")) hash.update(file).update(readFileSync(join(ROOT, file)));
  }
  return hash.digest("hex").slice(0, 12);
}

function pathOf(image: TestImage): string {
  const name = image.replace(":", "-");
  return join(CACHE, isOurs ? `${name}-${recipeHash(image)}.tar` : `${name}.tar`);
}

/** What apt of this machine knows of packages: making an image must not change it. */
function hostPackageLists(): string {
  const folder = "/var/lib/apt/lists";
  return existsSync(folder) ? readdirSync(folder).sort().join("\n") : "";
}

/** Bootstraps the image with a Berth daemon of its own and saves it. */
async function bootstrap(image: Bootstrapped, path: string): Promise<void> {
  const { startDaemon } = await import("./daemon.ts");
  const temporary = `${path}.${process.pid}.tmp`;
  const daemon = await startDaemon({ engine: "berth" });
  const before = hostPackageLists();
  try {
    await daemon.ok(["berth", "image", "bootstrap", image], { seconds: 600 });
    if (hostPackageLists() !== before) throw new Error("bootstrap changed the package lists of the host");
    await daemon.ok(["docker", "save", "-o", temporary, image], { seconds: 120 });
    renameSync(temporary, path);
  } finally {
    rmSync(temporary, { force: true });
    await daemon.stop();
  }
}

async function buildAll(archives: ReadonlyMap<StandIn, string>): Promise<void> {
  const { startDaemon } = await import("./daemon.ts");
  const daemon = await startDaemon({ engine: "berth", images: ["debian:bookworm"] });
  try {
    await makeStandIns(daemon, archives);
  } finally {
    await daemon.stop();
  }
}

const LOCK = join(CACHE, "making.lock");

/** Test files run side by side: one process makes images, and the others wait for what it makes. */
async function alone(work: () => Promise<void>): Promise<void> {
  mkdirSync(CACHE, { recursive: true });
  const take = () => {
    try {
      writeFileSync(LOCK, JSON.stringify(thisProcess()), { flag: "wx" });
      return true;
    } catch {
      const owner = JSON.parse(readFileSync(LOCK, "utf8")) as Owner;
      if (!isAlive(owner)) rmSync(LOCK, { force: true });
      return false;
    }
  };
  await eventually("no other process makes images", take, 600);
  try {
    await work();
  } finally {
    rmSync(LOCK, { force: true });
  }
}

async function make(images: readonly TestImage[]): Promise<void> {
  const missing = () => images.filter((image) => !existsSync(pathOf(image)));
  const standIns = () => missing().filter(isStandIn);
  // Stand-ins are built on it; before the lock is taken, which is not taken twice.
  if (standIns().length > 0) await imageArchives(["debian:bookworm"]);
  await alone(async () => {
    for (const image of missing()) if (!isStandIn(image)) await bootstrap(image, pathOf(image));
    const left = standIns();
    if (left.length > 0) await buildAll(new Map(left.map((image) => [image, pathOf(image)])));
  });
}

const WEEK = 7 * 24 * 3600;

/** Archives of earlier recipes go when nobody has used them for a week. */
function removeUnused(): void {
  const now = Date.now() / 1000;
  for (const name of readdirSync(CACHE)) {
    const path = join(CACHE, name);
    if (name.endsWith(".tar") && now - statSync(path).mtimeMs / 1000 > WEEK) rmSync(path, { force: true });
  }
}

/** Those that this machine does not have. */
export function missingImages(): TestImage[] {
  const all: TestImage[] = ["busybox", "debian:bookworm", ...STAND_INS];
  return all.filter((image) => !existsSync(pathOf(image)));
}

/** Paths of docker-archives with the images. The first call on a machine takes a while. */
export async function imageArchives(images: readonly TestImage[]): Promise<string[]> {
  if (!images.every((image) => existsSync(pathOf(image)))) {
    await make(images);
    if (isOurs) removeUnused();
  }
  const paths = images.map(pathOf);
  // The time says when it was used.
  if (isOurs) for (const path of paths) utimesSync(path, new Date(), new Date());
  return paths;
}

/** Path of a docker-archive with the image. */
export async function imageArchive(image: TestImage): Promise<string> {
  return (await imageArchives([image]))[0]!;
}
