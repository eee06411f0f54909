import type { AuthProvider } from "@berth/api/build";
import { type Digest, isKind, notFound } from "@berth/base";
import type { Hold } from "@berth/image";
import { familiarReference, formatPlatform, type Platform, parseReference, platformRank } from "@berth/spec";
import { asStream } from "../export/output.ts";
import type { ImageConfigAnswer } from "../graph/operation.ts";
import type { BuilderParts } from "../parts.ts";
import { imageInLayout } from "../sources/oci-layout.ts";
import type { Step, Steps } from "./steps.ts";

/** An image's id in the place of a name, as names are written out in full. */
const IMAGE_ID = /^(?:docker\.io\/library\/)?(sha256:[0-9a-f]{64})$/;

export interface ImageLookup {
  parts: BuilderParts;
  steps: Steps;
  hold: Hold;
  /** Ask the registry even when the image is here. */
  pull: boolean;
  auth: AuthProvider | undefined;
  /** The folder of a named context that is an OCI layout, and which image of it is meant (`:tag@digest`). */
  layout(
    name: string,
    step: Step,
    signal: AbortSignal,
  ): Promise<{ folder: string; selector: string } | undefined>;
}

/** Finds base images: in the local store, else at the registry. One for a build: each image is looked up once. */
export class BaseImages {
  readonly #lookup: ImageLookup;
  readonly #known = new Map<string, Promise<ImageConfigAnswer>>();
  readonly #ids = new Map<Digest, Digest>();

  constructor(lookup: ImageLookup) {
    this.#lookup = lookup;
  }

  /** As `ResolveImageConfig`. */
  resolve(reference: string, platform: Platform, signal: AbortSignal): Promise<ImageConfigAnswer> {
    const key = `${reference} ${formatPlatform(platform)}`;
    let answer = this.#known.get(key);
    if (answer === undefined) {
      const name = `[internal] load metadata for ${reference}`;
      answer = this.#lookup.steps.run(name, () => this.#find(reference, platform, signal), key);
      answer.catch(() => {});
      this.#known.set(key, answer);
    }
    return answer;
  }

  /** As `ResolveImageConfig`, of a named context that is an OCI layout. What is not in the store yet is loaded. */
  resolveInLayout(name: string, platform: Platform, signal: AbortSignal): Promise<ImageConfigAnswer> {
    const key = `layout ${name} ${formatPlatform(platform)}`;
    let answer = this.#known.get(key);
    if (answer === undefined) {
      answer = this.#lookup.steps.run(
        `[context ${name}] load from oci-layout`,
        (step) => this.#load(name, platform, step, signal),
        key,
      );
      answer.catch(() => {});
      this.#known.set(key, answer);
    }
    return answer;
  }

  async #load(name: string, platform: Platform, step: Step, signal: AbortSignal): Promise<ImageConfigAnswer> {
    const { parts, hold, layout } = this.#lookup;
    const place = await layout(name, step, signal);
    if (place === undefined) throw notFound(`the build context ${name} is no OCI layout`);
    const { digest, manifest, archive } = imageInLayout(place.folder, place.selector, platform);
    const id = manifest.config.digest;
    const isHere = () => {
      const image = parts.images.get(id);
      for (const layer of image?.chain ?? []) hold.layer(layer);
      return image?.chain.every((layer) => parts.snapshots.has(layer)) ? image : undefined;
    };
    if (isHere() === undefined) {
      const options = { quiet: true, platform: formatPlatform(platform) };
      for await (const _ of parts.images.load(asStream(archive()), options, signal));
    }
    const image = isHere();
    if (image === undefined) throw notFound(`the image of the build context ${name} could not be loaded`);
    this.#ids.set(digest, id);
    return { reference: `${name}@${digest}`, digest, config: image.config };
  }

  async #find(reference: string, platform: Platform, signal: AbortSignal): Promise<ImageConfigAnswer> {
    const { parts, pull } = this.#lookup;
    const parsed = parseReference(reference);
    const local = this.#local(reference);
    const fits =
      local !== undefined &&
      platformRank(platform, {
        os: local.config.os,
        architecture: local.config.architecture,
        ...(local.config.variant && { variant: local.config.variant }),
      }) >= 0;
    if (local !== undefined && fits && !pull) return local;
    try {
      await this.#lookup.steps.run(`[internal] pull ${reference}`, async (step) => {
        const login = await this.#lookup.auth?.credentials(authHost(parsed.domain));
        const options = {
          image: familiarReference(parsed),
          tag: "",
          platform: formatPlatform(platform),
          ...(login !== undefined && { login }),
        };
        for await (const message of parts.images.pull(options, signal)) {
          const { id, status = "", progressDetail } = message;
          if (id !== undefined && id !== "") {
            const done = /complete|exists/i.test(status);
            step.status(id, progressDetail?.current ?? 0, progressDetail?.total ?? 0, done);
          } else if (status !== "") step.say(status);
        }
      });
    } catch (error) {
      // Without a way to the registry, what is here is used, as Docker's classic builder does.
      if (local !== undefined && fits && !pull && !isKind(error, "cancelled")) return local;
      throw error;
    }
    const pulled = this.#local(reference);
    if (pulled === undefined) throw notFound(`${reference}: not found`);
    return pulled;
  }

  #local(reference: string): ImageConfigAnswer | undefined {
    const { parts, hold } = this.#lookup;
    try {
      const image = parts.images.resolve(IMAGE_ID.exec(reference)?.[1] ?? reference);
      for (const layer of image.chain) hold.layer(layer);
      const digest = this.#digestOf(image.id, reference);
      this.#ids.set(digest, image.id);
      const base = reference.includes("@") ? reference : `${reference}@${digest}`;
      return { reference: base, digest, config: image.config };
    } catch (error) {
      if (isKind(error, "not-found")) return undefined;
      throw error;
    }
  }

  /** The id of the image that an answer's digest stands for. */
  idOf(digest: Digest): Digest {
    return this.#ids.get(digest) ?? digest;
  }

  /** The digest by which a registry knows it, else its id. */
  #digestOf(id: Digest, reference: string): Digest {
    const repository = reference.replace(/@.*$/, "").replace(/:[^/:]+$/, "");
    for (const text of this.#lookup.parts.images.names(id).digests) {
      const at = text.indexOf("@");
      const parsed = parseReference(text);
      if (`${parsed.domain}/${parsed.path}` === repository) return text.slice(at + 1) as Digest;
    }
    return id;
  }
}

/** What clients keep Docker Hub's credentials under. */
export function authHost(domain: string): string {
  return domain === "docker.io" ? "https://index.docker.io/v1/" : domain;
}
