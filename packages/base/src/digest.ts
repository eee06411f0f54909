import { invalidParameter } from "./errors.ts";

/** `sha256:<64 hex digits>` (OCI image-spec, descriptor.md). */
export type Digest = `sha256:${string}`;

const PATTERN = /^sha256:[0-9a-f]{64}$/;

export function isDigest(text: string): text is Digest {
  return PATTERN.test(text);
}

/** @throws invalid-parameter when `text` is not a sha256 digest. */
export function parseDigest(text: string): Digest {
  if (!isDigest(text)) throw invalidParameter(`invalid digest: ${JSON.stringify(text.slice(0, 100))}`);
  return text;
}

export function sha256(data: string | Uint8Array): Digest {
  return `sha256:${new Bun.CryptoHasher("sha256").update(data).digest("hex")}`;
}

/** The 64 hex digits of a digest. */
export function encoded(digest: Digest): string {
  return digest.slice("sha256:".length);
}
