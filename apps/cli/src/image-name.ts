import { parseReference, repositoryOf, withDefaultTag } from "@berth/spec";

/**
 * The `repo` and `tag` parameters for a name that is to be given: `a:1` → `docker.io/library/a`, `1`.
 * @throws invalid-parameter in Docker's words.
 */
export function splitImageName(name: string): { repository: string; tag: string } {
  const reference = withDefaultTag(parseReference(name));
  return { repository: repositoryOf(reference), tag: reference.tag ?? "" };
}
