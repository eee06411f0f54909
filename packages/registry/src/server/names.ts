import { RegistryError } from "./errors.ts";

/** `sha256:<hex>` or `sha512:<hex>`: the algorithms that OCI registers and that Bun hashes natively. */
export type ContentDigest = `${Algorithm}:${string}`;
export type Algorithm = "sha256" | "sha512";

const COMPONENT = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const NAME = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
const MAX_NAME = 255;
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;
const DIGEST = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;
const DIGEST_LIKE = /^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/;
const UPLOAD = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Whether a text is a repository's name (distribution-spec, "Pulling manifests"). */
export function isName(text: string): boolean {
  return text.length <= MAX_NAME && NAME.test(text);
}

export function isTag(text: string): boolean {
  return TAG.test(text);
}

export function isContentDigest(text: string): text is ContentDigest {
  return DIGEST.test(text);
}

/** Whether a reference means a digest rather than a tag, valid or not. */
export function looksLikeDigest(text: string): boolean {
  return text.includes(":");
}

export function isUploadId(text: string): boolean {
  return UPLOAD.test(text);
}

/** @throws DIGEST_INVALID; also for algorithms that are not kept here. */
export function parseContentDigest(text: string): ContentDigest {
  if (isContentDigest(text)) return text;
  const reason = DIGEST_LIKE.test(text) ? "unsupported digest algorithm or length" : "invalid digest";
  throw new RegistryError("DIGEST_INVALID", { detail: `${reason}: ${text.slice(0, 200)}` });
}

export function algorithmOf(digest: ContentDigest): Algorithm {
  return digest.startsWith("sha512:") ? "sha512" : "sha256";
}

export function hexOf(digest: ContentDigest): string {
  return digest.slice(7);
}

export function digestOf(bytes: Uint8Array | string, algorithm: Algorithm = "sha256"): ContentDigest {
  return `${algorithm}:${new Bun.CryptoHasher(algorithm).update(bytes).digest("hex")}`;
}
