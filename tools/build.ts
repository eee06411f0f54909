/**
 * Builds the one executable, `dist/berth`, and stamps it with version and commit
 * (`process.env.BERTH_VERSION`, `process.env.BERTH_COMMIT`, `process.env.BERTH_BUILD_TIME`: constants in the program).
 */
import { mkdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { QUICK_NAMES } from "../apps/cli/src/quick/names.ts";
import { asOneModule } from "./one-module.ts";

const root = resolve(import.meta.dir, "..");
const quickly = QUICK_NAMES.map((name) => `apps/berth/src/programs/quick/${name}.ts`);
/** What few calls of the quick commands need: of `build`, a third. */
const APART = new Map(
  ["session", "ssh-keys"].map((name) => [`packages/client/src/build/${name}.ts`, "quick/apart/session"]),
);
const beside = [...new Set(APART.values())].map((program) => `apps/berth/src/programs/${program}.ts`);
/** Where a program lies inside the executable. */
const placeOf = (program: string) => `/$bunfs/root/programs/${program}.js`;
/** The first is what starts; the programs beside it are modules of their own (see there). */
const entries = [
  "apps/berth/src/main.ts",
  ...["cli", "daemon", "registry", "shim", "worker"].map(
    (program) => `apps/berth/src/programs/${program}.ts`,
  ),
  ...quickly,
  ...beside,
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
const options = {
  root,
  target: "bun",
  format: "esm",
  minify: true,
  define: Object.fromEntries(
    Object.entries(constants).map(([name, value]) => [`process.env.${name}`, JSON.stringify(value)]),
  ),
  throw: false,
} satisfies Partial<Bun.BuildConfig>;

function failed(why: unknown): never {
  for (const message of [why].flat()) console.error(String(message));
  rmSync(temporary, { force: true });
  process.exit(1);
}

const apart = new Map([...APART].map(([path, program]) => [path, placeOf(program)]));
const oneModule = new Map<string, string>();
for (const entry of quickly)
  oneModule.set(resolve(root, entry), await asOneModule(entry, options, { apart }).catch(failed));
for (const entry of beside)
  oneModule.set(
    resolve(root, entry),
    await asOneModule(entry, options, { startsSlowly: true }).catch(failed),
  );

const build = await Bun.build({
  ...options,
  entrypoints: entries.map((entry) => resolve(root, entry)),
  root: resolve(root, "apps/berth/src"),
  external: [...apart.values()],
  plugins: [
    {
      name: "one module",
      setup: ({ onLoad }) =>
        void onLoad({ filter: /\/programs\/quick\// }, ({ path }) => ({
          contents: oneModule.get(path)!,
          loader: "js",
        })),
    },
  ],
  bytecode: true,
  // Shared modules once, and each command loads only its own: the executable grows without a command becoming slower.
  splitting: true,
  compile: {
    outfile: temporary,
    // A daemon run by root must not take settings from the folder it happens to be started in.
    autoloadDotenv: false,
    autoloadBunfig: false,
  },
});
if (!build.success) failed(build.logs);
renameSync(temporary, target);
const megabytes = (statSync(target).size / 1e6).toFixed(0);
const seconds = ((performance.now() - started) / 1000).toFixed(1);
console.log(`dist/berth ${version} (${constants.BERTH_COMMIT}), ${megabytes} MB, built in ${seconds} s`);
