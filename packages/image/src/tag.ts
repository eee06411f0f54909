import { invalidParameter, nowNanoseconds, rfc3339Nano } from "@berth/base";
import {
  familiarReference,
  familiarRepository,
  isTag,
  parseReference,
  type Reference,
  withDefaultTag,
} from "@berth/spec";
import { findImage } from "./catalog/resolve.ts";
import { type ImageContext, imageEvent } from "./context.ts";

/** `repo` and `tag` of a request as one reference with a tag. @throws invalid-parameter with Docker's sentences. */
export function repositoryAndTag(repository: string, tag: string): Reference {
  const parsed = parseReference(repository);
  if (parsed.digest !== undefined) throw invalidParameter("refusing to create a tag with a digest reference");
  if (tag !== "" && !isTag(tag)) throw invalidParameter("invalid tag format");
  const reference = withDefaultTag(tag === "" ? parsed : { ...parsed, tag });
  if (familiarRepository(reference) === "sha256") {
    throw invalidParameter("refusing to create an ambiguous tag using digest algorithm as name");
  }
  return reference;
}

/** Now, as image facts have it. */
export function now(): string {
  return rfc3339Nano(nowNanoseconds());
}

/** Gives an image one more name; an image that had the name loses it. @throws not-found, invalid-parameter. */
export function tagImage(context: ImageContext, name: string, repository: string, tag: string): void {
  const image = findImage(context.catalog, name);
  const reference = repositoryAndTag(repository, tag);
  context.catalog.change((change) => change.setName(reference, image.id, now()));
  imageEvent(context, "tag", image, image.id, familiarReference(reference));
}
