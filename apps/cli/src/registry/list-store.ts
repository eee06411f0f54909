import { isDigest } from "@berth/base";
import { formatReference, type Reference } from "@berth/spec";
import { CommandError } from "../errors.ts";
import { writeWhole } from "../io/files.ts";
import { orderedPlatform } from "./documents.ts";
import { type SingleManifest, storedText } from "./single-manifest.ts";

const MOST_BYTES = 16 << 20;

/**
 * Manifest lists that are not pushed yet, where Docker's command line has them too:
 * `<config>/manifests/<list>/<image>`, one file an image.
 */
export class ListStore {
  readonly #folder: string;

  /** `folder`: that of config.json. */
  constructor(folder: string) {
    this.#folder = `${folder}/manifests`;
  }

  /** The images of a list, in the order of their files' names; undefined when there is no such list. */
  async list(list: Reference): Promise<SingleManifest[] | undefined> {
    const { readdir } = await import("node:fs/promises");
    const folder = this.#listFolder(list);
    const names = await readdir(folder).catch(() => undefined);
    if (names === undefined) return undefined;
    const files = names.filter((name) => !name.endsWith(".tmp")).sort();
    return Promise.all(files.map((name) => readManifest(`${folder}/${name}`)));
  }

  async get(list: Reference, image: Reference): Promise<SingleManifest | undefined> {
    const path = `${this.#listFolder(list)}/${fileName(image)}`;
    return (await Bun.file(path).exists()) ? readManifest(path) : undefined;
  }

  async put(list: Reference, image: Reference, manifest: SingleManifest): Promise<void> {
    const { mkdir } = await import("node:fs/promises");
    const folder = this.#listFolder(list);
    await mkdir(folder, { recursive: true, mode: 0o755 });
    const text = new TextEncoder().encode(storedText(manifest));
    await writeWhole(`${folder}/${fileName(image)}`, [text], 0o644);
  }

  /** False when there is none. */
  async remove(list: Reference): Promise<boolean> {
    const { rm, stat } = await import("node:fs/promises");
    const folder = this.#listFolder(list);
    const found = await stat(folder).catch(() => undefined);
    await rm(folder, { recursive: true, force: true });
    return found !== undefined;
  }

  #listFolder(list: Reference): string {
    return `${this.#folder}/${fileName(list)}`;
  }
}

/** A reference has no character that could lead elsewhere once its slashes are gone. */
function fileName(reference: Reference): string {
  return formatReference(reference).replaceAll(":", "-").replaceAll("/", "_");
}

async function readManifest(path: string): Promise<SingleManifest> {
  const file = Bun.file(path);
  try {
    if (file.size > MOST_BYTES) throw new Error("it is too large");
    const value = JSON.parse(await file.text()) as Partial<SingleManifest>;
    const { Ref, Descriptor, Raw } = value;
    if (typeof Ref !== "string" || typeof Raw !== "string" || typeof Descriptor?.mediaType !== "string")
      throw new Error("it is no manifest");
    if (!isDigest(Descriptor.digest) || typeof Descriptor.size !== "number")
      throw new Error("its descriptor is wrong");
    const platform = orderedPlatform(Descriptor.platform ?? {});
    return { Ref, Descriptor: { ...Descriptor, platform }, Raw };
  } catch (error) {
    throw new CommandError(`cannot read ${path}: ${(error as Error).message}`);
  }
}
