import { type Digest, isDigest } from "@berth/base/digest";
import { invalidParameter } from "@berth/base/errors";

/**
 * An image reference in full form, as the reference grammar of the OCI distribution project defines it:
 * `[domain "/"] path [":" tag] ["@" digest]`. Docker's familiar names (`busybox`, `user/app`) stand for docker.io.
 */
export interface Reference {
  /** `docker.io`, `localhost:5000`, `[::1]:5000`. */
  domain: string;
  /** `library/busybox`. */
  path: string;
  tag?: string;
  digest?: Digest;
}

export const DEFAULT_DOMAIN = "docker.io";
export const DEFAULT_TAG = "latest";
const LEGACY_DOMAIN = "index.docker.io";
const OFFICIAL = "library";
/** Characters of domain and path together. */
const MAX_NAME = 255;
/** Longer texts cannot be valid: name, tag (128), digest, separators. */
const MAX_TEXT = 1024;

const DOMAIN_COMPONENT = "(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)";
const DOMAIN = new RegExp(
  `^(?:${DOMAIN_COMPONENT}(?:\\.${DOMAIN_COMPONENT})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`,
);
const PATH_COMPONENT = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
const PATH = new RegExp(`^${PATH_COMPONENT}(?:/${PATH_COMPONENT})*$`);
const TAG = /^\w[\w.-]{0,127}$/;
const ANY_DIGEST = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;
const IDENTIFIER = /^[a-f0-9]{64}$/;

const invalid = () => invalidParameter("invalid reference format");

/**
 * Reads a name as people write it (`busybox`, `localhost:5000/a/b:tag`, `name@sha256:…`).
 * @throws invalid-parameter with Docker's sentence.
 */
export function parseReference(text: string): Reference {
  if (text.length > MAX_TEXT) throw invalid();
  if (IDENTIFIER.test(text)) {
    throw invalidParameter(`invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`);
  }
  const { domain, rest } = splitDomain(text);
  const colon = rest.indexOf(":");
  const repository = colon < 0 ? rest : rest.slice(0, colon);
  if (repository.toLowerCase() !== repository) {
    throw invalidParameter(`invalid reference format: repository name (${repository}) must be lowercase`);
  }
  const at = rest.indexOf("@");
  const digest = at < 0 ? undefined : rest.slice(at + 1);
  const named = at < 0 ? rest : rest.slice(0, at);
  const tagAt = named.indexOf(":");
  const tag = tagAt < 0 ? undefined : named.slice(tagAt + 1);
  const path = tagAt < 0 ? named : named.slice(0, tagAt);
  if (!DOMAIN.test(domain) || !PATH.test(path)) throw invalid();
  if (tag !== undefined && !TAG.test(tag)) throw invalid();
  if (digest !== undefined && !ANY_DIGEST.test(digest)) throw invalid();
  if (domain.length + 1 + path.length > MAX_NAME) {
    throw invalidParameter(`repository name must not be more than ${MAX_NAME} characters`);
  }
  if (digest !== undefined && !isDigest(digest)) {
    if (!digest.startsWith("sha256:")) throw invalidParameter("unsupported digest algorithm");
    throw invalidParameter(
      digest.length === "sha256:".length + 64
        ? "invalid checksum digest format"
        : "invalid checksum digest length",
    );
  }
  return {
    domain,
    path,
    ...(tag !== undefined && { tag }),
    ...(digest !== undefined && { digest }),
  };
}

/** The first part is a domain when it looks like one: a dot, a port, capitals, or `localhost`. */
function splitDomain(text: string): { domain: string; rest: string } {
  const slash = text.indexOf("/");
  const first = text.slice(0, Math.max(slash, 0));
  let domain = DEFAULT_DOMAIN;
  let rest = text;
  if (slash >= 0 && (/[.:]/.test(first) || first === "localhost" || first.toLowerCase() !== first)) {
    domain = first;
    rest = text.slice(slash + 1);
  }
  if (domain === LEGACY_DOMAIN) domain = DEFAULT_DOMAIN;
  if (domain === DEFAULT_DOMAIN && !rest.includes("/")) rest = `${OFFICIAL}/${rest}`;
  return { domain, rest };
}

/** What a user may mean by a text: the digest of an image, or a name (which could also be the beginning of an id). */
export function parseAnyReference(text: string): { digest: Digest } | { name: Reference } {
  if (IDENTIFIER.test(text)) return { digest: `sha256:${text}` };
  if (isDigest(text)) return { digest: text };
  return { name: parseReference(text) };
}

/** The same with `:latest` when it has neither tag nor digest. */
export function withDefaultTag(reference: Reference): Reference {
  return reference.tag === undefined && reference.digest === undefined
    ? { ...reference, tag: DEFAULT_TAG }
    : reference;
}

/** `docker.io/library/busybox`: without tag and digest. */
export function repositoryOf(reference: Reference): string {
  return `${reference.domain}/${reference.path}`;
}

/** The repository as people see it: `busybox`, `user/app`, `localhost:5000/a`. */
export function familiarRepository(reference: Reference): string {
  if (reference.domain !== DEFAULT_DOMAIN) return repositoryOf(reference);
  const parts = reference.path.split("/");
  return parts.length === 2 && parts[0] === OFFICIAL ? parts[1]! : reference.path;
}

const suffix = (reference: Reference) =>
  (reference.tag === undefined ? "" : `:${reference.tag}`) +
  (reference.digest === undefined ? "" : `@${reference.digest}`);

/** Everything, in full form. */
export function formatReference(reference: Reference): string {
  return repositoryOf(reference) + suffix(reference);
}

/** Everything, in the familiar form. */
export function familiarReference(reference: Reference): string {
  return familiarRepository(reference) + suffix(reference);
}

/** True for a valid tag (`/tag` and `/commit` take it apart from the name). */
export function isTag(text: string): boolean {
  return TAG.test(text);
}

/**
 * True when a shell pattern (`*`, `?`, `[a-z]`, `\`; none crosses a slash) matches the familiar name or the familiar
 * name with its tag: the `reference` filter of image lists. @throws invalid-parameter `syntax error in pattern`.
 */
export function matchesPattern(pattern: string, reference: Reference): boolean {
  const expression = globExpression(pattern);
  return expression.test(familiarReference(reference)) || expression.test(familiarRepository(reference));
}

/** Go's path.Match as a regular expression. It has no nested repetition of alternatives, so it cannot run away. */
function globExpression(pattern: string): RegExp {
  const bad = () => invalidParameter("syntax error in pattern");
  let source = "";
  const characters = [...pattern.slice(0, MAX_TEXT)];
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at]!;
    if (character === "*") {
      if (!source.endsWith("[^/]*")) source += "[^/]*";
    } else if (character === "?") source += "[^/]";
    else if (character === "[") {
      let body = "";
      at++;
      const negated = characters[at] === "^";
      if (negated) at++;
      for (let first = true; first || characters[at] !== "]"; first = false) {
        let next = characters[at++];
        if (next === "\\") next = characters[at++];
        else if (next === "-" || next === "]") throw bad();
        if (next === undefined) throw bad();
        let high = next;
        if (characters[at] === "-") {
          at++;
          let end = characters[at++];
          if (end === "\\") end = characters[at++];
          if (end === undefined || end === "]" || end === "-") throw bad();
          high = end;
        }
        if (next <= high) body += `${codePoint(next)}-${codePoint(high)}`;
      }
      source += body === "" ? (negated ? "[^]" : "[]") : `[${negated ? "^" : ""}${body}]`;
    } else if (character === "\\") {
      const next = characters[++at];
      if (next === undefined) throw bad();
      source += codePoint(next);
    } else source += codePoint(character);
  }
  return new RegExp(`^${source}$`, "u");
}

function codePoint(character: string): string {
  return `\\u{${character.codePointAt(0)!.toString(16)}}`;
}
