/**
 * Builds the one executable, `dist/berth`, and stamps it with version and commit
 * (`process.env.BERTH_VERSION`, `process.env.BERTH_COMMIT`, `process.env.BERTH_BUILD_TIME`: constants in the program).
 */
import { mkdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { resolve } from "node:path";

const root = resolve(import.meta.dir, "..");
/** The first is what starts; the programs beside it are modules of their own (see there). */
const entries = [
  "apps/berth/src/main.ts",
  ...["cli", "daemon", "registry", "shim", "worker"].map(
    (program) => `apps/berth/src/programs/${program}.ts`,
  ),
];
const target = resolve(root, "dist/berth");

function git(...args: string[]): string {
  const run = Bun.spawnSync(["git", "-C", root, ...args], { stderr: "ignore" });
  return run.success ? run.stdout.toString().trim() : "";
}

/** Nine digits of the commit, with `-dirty` when files differ from it; `unknown` outside a git checkout. */
function commit(): string {
  const hash = git("rev-parse", "--short=9", "HEAD");
  if (hash === "") return "unknown";
  return git("status", "--porcelain", "--untracked-files=no") === "" ? hash : `${hash}-dirty`;
}

const { version } = JSON.parse(readFileSync(resolve(root, "apps/berth/package.json"), "utf8")) as {
  version: string;
};
const constants = {
  BERTH_VERSION: version,
  BERTH_COMMIT: commit(),
  BERTH_BUILD_TIME: new Date().toISOString().replace(/\.\d+Z$/, "Z"),
};

mkdirSync(resolve(root, "dist"), { recursive: true });
// Built beside its place and renamed, because the old executable may be running.
const temporary = `${target}.${process.pid}.tmp`;
const started = performance.now();
const build = Bun.spawnSync(
  [
    process.execPath,
    "build",
    "--compile",
    "--bytecode",
    // Shared modules once, and each command loads only its own: the executable grows without a command becoming slower.
    "--format=esm",
    "--splitting",
    "--minify",
    // A daemon run by root must not take settings from the folder it happens to be started in.
    "--no-compile-autoload-dotenv",
    "--no-compile-autoload-bunfig",
    ...Object.entries(constants).flatMap(([name, value]) => [
      "--define",
      `process.env.${name}=${JSON.stringify(value)}`,
    ]),
    `--outfile=${temporary}`,
    ...entries,
  ],
  { cwd: root, stdout: "pipe", stderr: "pipe" },
);
if (!build.success) {
  process.stderr.write(build.stdout.toString() + build.stderr.toString());
  rmSync(temporary, { force: true });
  process.exit(1);
}
renameSync(temporary, target);
const megabytes = (statSync(target).size / 1e6).toFixed(0);
const seconds = ((performance.now() - started) / 1000).toFixed(1);
console.log(`dist/berth ${version} (${constants.BERTH_COMMIT}), ${megabytes} MB, built in ${seconds} s`);
