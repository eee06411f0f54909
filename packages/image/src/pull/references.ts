import { invalidParameter, isDigest } from "@berth/base";
import { isTag, parseReference, type Reference } from "@berth/spec";

/** `fromImage` and `tag` of a request: what is given by itself counts more. @throws invalid-parameter. */
export function referenceOf(image: string, tag: string): Reference {
  const parsed = parseReference(image);
  if (tag === "") return parsed;
  const { domain, path } = parsed;
  if (isDigest(tag)) return { domain, path, digest: tag };
  if (tag.includes(":")) throw invalidParameter("invalid checksum digest format");
  if (!isTag(tag)) throw invalidParameter("invalid tag format");
  return { domain, path, tag };
}
