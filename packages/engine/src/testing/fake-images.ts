import { type Digest, notFound, sha256 } from "@berth/base";
import type { ImageResolver, ImageRuntimeConfig, ResolvedImage } from "@berth/image";

export class FakeImages implements ImageResolver {
  readonly #images = new Map<string, ResolvedImage>();

  add(name: string, config: ImageRuntimeConfig, chain: Digest[] = [sha256(name)]): ResolvedImage {
    const image: ResolvedImage = {
      id: sha256(`config of ${name}`),
      config: {
        architecture: process.arch === "x64" ? "amd64" : process.arch,
        os: "linux",
        config,
        rootfs: { type: "layers", diff_ids: chain },
      },
      chain,
    };
    this.#images.set(name, image);
    return image;
  }

  resolve(reference: string): ResolvedImage {
    const found =
      this.#images.get(reference) ?? [...this.#images.values()].find((image) => image.id === reference);
    if (found === undefined) throw notFound(`No such image: ${reference}`);
    return found;
  }
}
