import type { ImageDeleteItem } from "@berth/api";
import { conflict, type Digest, shortId } from "@berth/base";
import { familiarReference, parseReference, type Reference, repositoryOf, withDefaultTag } from "@berth/spec";
import type { ImageRecord } from "../catalog/catalog.ts";
import { findImage, isIdPrefix } from "../catalog/resolve.ts";
import { type ImageContext, imageEvent } from "../context.ts";
import type { ImageUser } from "../store.ts";
import { freeLayers } from "./free.ts";

export interface RemoveOptions {
  force: boolean;
  /** Remove parents without names too. */
  prune: boolean;
}

/** `DELETE /images/{name}`: what was done, in order. @throws not-found; conflict with Docker's sentences. */
export async function removeImage(
  context: ImageContext,
  name: string,
  options: RemoveOptions,
): Promise<ImageDeleteItem[]> {
  const image = findImage(context.catalog, name);
  const items: ImageDeleteItem[] = [];
  const references = context.catalog.references(image.id);
  let removedName = false;
  if (!isIdPrefix(image.id, name)) {
    if (!options.force && isSingleReference(references)) {
      const user = usersOf(context, image.id)[0];
      if (user !== undefined) {
        throw conflict(
          `conflict: unable to remove repository reference ${JSON.stringify(name)} (must force) - container ${shortId(user.containerId)} is using its referenced image ${shortId(image.id)}`,
        );
      }
    }
    removeName(context, image, parseReference(name), items);
    if (context.catalog.references(image.id).length > 0) return items;
    removedName = true;
  } else if (isSingleReference(references)) {
    const found = findConflict(context, image, { force: options.force, activeReference: false });
    if (found !== undefined) throw conflict(found.message);
    for (const reference of references) untag(context, image, reference, items);
  }
  await removeRecord(context, image.id, options, removedName, items);
  return items;
}

/** Removes a name, and the repository's digest references when it was the repository's last tag. */
function removeName(
  context: ImageContext,
  image: ImageRecord,
  asked: Reference,
  items: ImageDeleteItem[],
): void {
  const reference: Reference =
    asked.digest === undefined
      ? withDefaultTag(asked)
      : { domain: asked.domain, path: asked.path, digest: asked.digest };
  untag(context, image, reference, items);
  if (reference.digest !== undefined) return;
  const sameRepository = context.catalog
    .references(image.id)
    .filter((each) => repositoryOf(each) === repositoryOf(reference));
  if (sameRepository.some((each) => each.digest === undefined)) return;
  for (const each of sameRepository) untag(context, image, each, items);
}

function untag(
  context: ImageContext,
  image: ImageRecord,
  reference: Reference,
  items: ImageDeleteItem[],
): void {
  context.catalog.change((change) => change.removeName(reference));
  imageEvent(context, "untag", image, image.id, image.id);
  items.push({ Untagged: familiarReference(reference) });
}

/** Removes the image itself, what only it needs, and (with `prune`) its parents that nobody needs. */
async function removeRecord(
  context: ImageContext,
  id: Digest,
  options: RemoveOptions,
  quiet: boolean,
  items: ImageDeleteItem[],
): Promise<void> {
  const { catalog } = context;
  const image = catalog.get(id);
  if (image === undefined || image.retained) return;
  const found = findConflict(context, image, { force: options.force, activeReference: true });
  if (found !== undefined) {
    // The name is gone, which is what was asked; that the image stays is no failure unless it would be left dangling.
    const dangling = catalog.references(id).length === 0 && catalog.children(id).length === 0;
    if (quiet && (!dangling || found.used)) return;
    throw conflict(found.message);
  }
  for (const reference of catalog.references(id)) untag(context, image, reference, items);
  const inUse = usersOf(context, id).length > 0;
  catalog.change((change) => (inUse ? change.retain(id) : change.delete(id)));
  imageEvent(context, "delete", image, id, id);
  items.push({ Deleted: id });
  for (const layer of await freeLayers(context, image)) items.push({ Deleted: layer });
  if (options.prune && image.parent !== undefined) {
    await removeRecord(context, image.parent, { force: false, prune: true }, true, items);
  }
}

interface Conflict {
  message: string;
  /** A container uses it. */
  used: boolean;
}

/** Why the image cannot be removed, in Docker's order; `force` passes over what can be forced. */
function findConflict(
  context: ImageContext,
  image: ImageRecord,
  { force, activeReference }: { force: boolean; activeReference: boolean },
): Conflict | undefined {
  const of = (how: "must be forced" | "cannot be forced", why: string, used: boolean): Conflict => ({
    message: `conflict: unable to delete ${shortId(image.id)} (${how}) - ${why}`,
    used,
  });
  if (context.catalog.children(image.id).length > 0) {
    return of("cannot be forced", "image has dependent child images", false);
  }
  const users = usersOf(context, image.id);
  const running = users.find((user) => user.running);
  if (running !== undefined) {
    const why = `image is being used by running container ${shortId(running.containerId)}`;
    return of("cannot be forced", why, true);
  }
  if (force) return undefined;
  if (activeReference && context.catalog.references(image.id).length > 0) {
    return of("must be forced", "image is referenced in multiple repositories", false);
  }
  const stopped = users[0];
  if (stopped !== undefined) {
    const why = `image is being used by stopped container ${shortId(stopped.containerId)}`;
    return of("must be forced", why, true);
  }
  return undefined;
}

function usersOf(context: ImageContext, id: Digest): ImageUser[] {
  return [...context.users()].filter((user) => user.imageId === id);
}

/** At most one tag, and all digest references in its repository: then removing the id may remove the names. */
function isSingleReference(references: readonly Reference[]): boolean {
  if (references.length <= 1) return true;
  const tags = references.filter((each) => each.digest === undefined);
  if (tags.length > 1) return false;
  const repositories = new Set(references.filter((each) => each.digest !== undefined).map(repositoryOf));
  return repositories.size === 1 && repositories.has(repositoryOf(tags[0] ?? references[0]!));
}
