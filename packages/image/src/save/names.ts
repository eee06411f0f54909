import { type Digest, invalidParameter, notFound } from "@berth/base";
import { familiarRepository, parseAnyReference, type Reference, repositoryOf } from "@berth/spec";
import type { Catalog } from "../catalog/catalog.ts";
import { noSuchImage, uniqueByPrefix } from "../catalog/resolve.ts";

const MAX_NAMES = 1000;

/**
 * What `save` is asked for: a repository means all of its tags, an id an image without a name.
 * @returns the images in the order they were asked for, each with its names. @throws not-found with Docker's sentences.
 */
export function imagesToSave(catalog: Catalog, names: readonly string[]): Map<Digest, Reference[]> {
  if (names.length > MAX_NAMES) throw invalidParameter(`more than ${MAX_NAMES} images`);
  const images = new Map<Digest, Reference[]>();
  const add = (id: Digest, reference?: Reference) => {
    const known = images.get(id) ?? [];
    images.set(id, known);
    if (reference === undefined || reference.digest !== undefined) return;
    if (!known.some((each) => repositoryOf(each) === repositoryOf(reference) && each.tag === reference.tag)) {
      known.push(reference);
    }
  };
  for (const name of names) {
    const meant = parseAnyReference(name);
    if ("digest" in meant) {
      const image = catalog.get(meant.digest);
      if (image === undefined || image.retained) throw noSuchImage(meant.digest);
      add(image.id);
    } else if (meant.name.tag === undefined && meant.name.digest === undefined) {
      const found = catalog.inRepository(repositoryOf(meant.name));
      for (const { reference, id } of found) add(id, reference);
      if (found.length === 0) add(byPrefix(catalog, name));
    } else if (familiarRepository(meant.name) === "sha256") {
      add(byPrefix(catalog, name));
    } else {
      const id = catalog.idOf(meant.name);
      if (id === undefined) throw notFound("reference does not exist");
      add(id, meant.name);
    }
  }
  return images;
}

function byPrefix(catalog: Catalog, name: string): Digest {
  const image = uniqueByPrefix(catalog, name);
  if (image === undefined) throw noSuchImage(name);
  return image.id;
}
