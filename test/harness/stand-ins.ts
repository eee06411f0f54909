/**
 * Images that stand in for those of Docker Hub where no registry is: Debian's packages on `debian:bookworm`, with the names,
 * entry points, variables, ports and volumes that people's Compose files and Dockerfiles use. `test/images/` says how each is
 * made.
 */
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { runOk } from "./command.ts";
import type { Daemon } from "./daemon.ts";

/** What the image of Node has as its npm: Debian's comes with hundreds of packages. */
const PACKED = "npm@9.9.4";
const FOLDER = resolve(import.meta.dir, "../images");

/** The tags that an image is known by, by the name of its folder. */
const TAGS = {
  nginx: ["nginx:latest"],
  php: ["php:7.4-fpm"],
  mysql: ["mysql:latest", "mysql:5.7"],
  postgres: ["postgres:latest"],
  redis: ["redis:latest"],
  node: ["node:14", "node:14-slim", "node:16"],
  python: ["python:3.9-slim", "python:3.9"],
  golang: ["golang:1.18"],
  openjdk: ["openjdk:8-jdk", "openjdk:8-jdk-alpine"],
} as const;

export type StandIn = keyof typeof TAGS;

export const STAND_INS = Object.keys(TAGS) as StandIn[];

export function isStandIn(name: string): name is StandIn {
  return Object.hasOwn(TAGS, name);
}

/** What decides whether an archive that was made earlier is still the image. */
export function recipeOf(name: StandIn): string {
  const files = [...new Bun.Glob("**/*").scanSync({ cwd: join(FOLDER, name) })].sort();
  const contents = files.map((file) => `${file}\n${readFileSync(join(FOLDER, name, file), "utf8")}`);
  return [...TAGS[name], ...contents].join("\n");
}

/**
 * Builds the images on a daemon that has `debian:bookworm`, and saves each where it is asked for. Packages that several need
 * are fetched once.
 */
export async function makeStandIns(daemon: Daemon, archives: ReadonlyMap<StandIn, string>): Promise<void> {
  const packed = mkdtempSync(join(tmpdir(), "berth-test-npm-"));
  try {
    if (archives.has("node")) {
      await runOk(["npm", "pack", "--silent", "--pack-destination", packed, PACKED], { seconds: 120 });
    }
    for (const [name, path] of archives) await makeStandIn(daemon, name, path, packed);
  } finally {
    rmSync(packed, { recursive: true });
  }
}

/** `packed`: a folder with npm's package. */
async function makeStandIn(daemon: Daemon, name: StandIn, path: string, packed: string): Promise<void> {
  const tags = TAGS[name];
  // Where a proxy signs for foreign hosts, only this machine's certificates know it.
  const certificates = ["--secret", "id=ca,src=/etc/ssl/certs/ca-certificates.crt"];
  const build = [
    "berth",
    "build",
    "--progress=plain",
    ...certificates,
    ...["--build-context", `npm=${packed}`],
    ...tags.flatMap((tag) => ["-t", tag]),
  ];
  await daemon.ok([...build, join(FOLDER, name)], { seconds: 600 });
  const temporary = `${path}.${process.pid}.tmp`;
  mkdirSync(dirname(path), { recursive: true });
  try {
    await daemon.ok(["docker", "save", "-o", temporary, ...tags], { seconds: 200 });
    renameSync(temporary, path);
  } finally {
    rmSync(temporary, { force: true });
  }
}
