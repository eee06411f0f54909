import { sha256 } from "@berth/base";
import { defaultProfile } from "./default-profile.ts";
import { parseProfile } from "./parse.ts";
import { evaluateProfile, type OciSeccomp, type SeccompProfile } from "./profile.ts";

const MAX_ENTRIES = 64;
const evaluated = new Map<string, OciSeccomp | undefined>();
const parsed = new Map<string, SeccompProfile>();

/**
 * The profile of a container with these capabilities. `text`: a profile's JSON; undefined for the default one.
 * Equal questions get the same object, so that whoever writes profiles out can do so once.
 * @throws invalid-parameter for a text that is no profile
 */
export function seccompFor(
  text: string | undefined,
  capabilities: readonly string[],
  architecture: string,
  kernel: string,
): OciSeccomp | undefined {
  const source = text === undefined ? "default" : sha256(text);
  const key = [source, architecture, kernel, ...capabilities.toSorted()].join(" ");
  if (evaluated.has(key)) return evaluated.get(key);
  let profile = parsed.get(source);
  if (profile === undefined) {
    profile = text === undefined ? defaultProfile() : parseProfile(text);
    remember(parsed, source, profile);
  }
  const result = evaluateProfile(profile, { capabilities: new Set(capabilities), architecture, kernel });
  remember(evaluated, key, result);
  return result;
}

/** Keeps the youngest entries. */
function remember<T>(map: Map<string, T>, key: string, value: T): void {
  if (map.size >= MAX_ENTRIES) {
    const oldest = map.keys().next();
    if (!oldest.done) map.delete(oldest.value);
  }
  map.set(key, value);
}
