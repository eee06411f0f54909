import { setLogLevel } from "@berth/base";
import { type Collected, collect, createContext } from "@berth/registry/server";
import { loadConfig, parseArguments } from "./config/load.ts";
import type { Config } from "./config/options.ts";
import { askToCollect } from "./control.ts";
import { openStore } from "./parts.ts";

const HELP = `
Usage:  berth registry gc [OPTIONS] [CONFIG-FILE]

Free the room of what no manifest needs. A registry that serves the same folder does it itself, and goes on serving.

Options:
  -n, --dry-run            Only say what would be removed
      --gc-grace duration  Age below which nothing is removed (default 1h)
  -m, --delete-untagged    Remove manifests without a tag too

      --storage string     Folder of the registry (default /var/lib/registry)

and the other options of 'berth registry serve' that say where the storage is.
`;

export const collectOptions = (config: Config, dryRun: boolean) => ({
  grace: config.collectGrace,
  untagged: config.collectUntagged,
  uploadAge: config.purge && !config.purgeDryRun ? config.uploadAge : Number.MAX_SAFE_INTEGER,
  ...(config.proxyUrl !== "" && config.proxyTtl > 0 && { unusedAge: config.proxyTtl }),
  dryRun,
});

/** `berth registry gc`, and `registry garbage-collect` with the flags of Docker's registry. */
export async function garbageCollect(argv: readonly string[]): Promise<void> {
  const untagged = ["-m", "--delete-untagged", "--delete-untagged=true"];
  const dry = ["-n", "-d", "--dry-run", "--dry-run=true"];
  const flags = parseArguments(argv.filter((word) => !untagged.includes(word) && !dry.includes(word)));
  if (flags.help) {
    process.stdout.write(HELP);
    return;
  }
  setLogLevel("warn");
  const config = loadConfig(flags, process.env);
  if (argv.some((word) => untagged.includes(word))) config.collectUntagged = true;
  const isDry = argv.some((word) => dry.includes(word));
  const options = collectOptions(config, isDry);
  const asked = config.s3Bucket === "" ? await askToCollect(config.root, options) : undefined;
  process.stdout.write(`${summary(asked ?? (await collectHere(config, options)), isDry)}\n`);
}

async function collectHere(config: Config, options: ReturnType<typeof collectOptions>): Promise<Collected> {
  await using store = openStore(config);
  const context = createContext(store, () => ({ maxManifestBytes: config.maxManifest }));
  return await collect(context, options);
}

export function summary({ blobs, bytes, links, manifests, uploads }: Collected, isDry: boolean): string {
  return `${isDry ? "would remove" : "removed"} ${blobs} blobs (${bytes} bytes), ${links} links, ${manifests} manifests, ${uploads} uploads`;
}
