/** Images for tests, made once for each machine and kept as archives that any engine loads. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";

export type TestImage = "busybox" | "debian:bookworm";

const CACHE = process.env.BERTH_TEST_IMAGES ?? join(homedir(), ".cache/berth-test");
const ROOT = resolve(import.meta.dir, "../..");

/** An archive is made anew when the code that makes images has changed. */
function recipeHash(): string {
  const hash = createHash("sha256");
  const files = [...new Bun.Glob("packages/image/src/bootstrap/**/*.ts").scanSync({ cwd: ROOT })].sort();
  for (const file of files)
    if (!file.endsWith(".test.ts")) hash.update(file).update(readFileSync(join(ROOT, file)));
  return hash.digest("hex").slice(0, 12);
}

function pathOf(image: TestImage): string {
  const name = image.replace(":", "-");
  const fixed = join(CACHE, `${name}.tar`);
  return process.env.BERTH_TEST_IMAGES !== undefined ? fixed : join(CACHE, `${name}-${recipeHash()}.tar`);
}

/** Bootstraps the image with a Berth daemon of its own and saves it. */
async function make(image: TestImage, path: string): Promise<void> {
  const { startDaemon } = await import("./daemon.ts");
  mkdirSync(CACHE, { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  const daemon = await startDaemon({ engine: "berth" });
  try {
    await daemon.ok(["berth", "image", "bootstrap", image], { seconds: 600 });
    await daemon.ok(["docker", "save", "-o", temporary, image], { seconds: 120 });
    renameSync(temporary, path);
  } finally {
    rmSync(temporary, { force: true });
    await daemon.stop();
  }
}

const making = new Map<string, Promise<void>>();

/** Path of a docker-archive with the image. The first call on a machine takes a while. */
export async function imageArchive(image: TestImage): Promise<string> {
  const path = pathOf(image);
  if (existsSync(path)) return path;
  const running = making.get(path) ?? make(image, path);
  making.set(path, running);
  await running;
  return path;
}
