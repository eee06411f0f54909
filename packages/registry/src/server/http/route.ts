import { RegistryError } from "../errors.ts";
import { type ContentDigest, isName, isUploadId, parseContentDigest } from "../names.ts";

/** What a path means (distribution-spec, "Endpoints"). */
export type Route =
  | { kind: "base" }
  | { kind: "catalog" }
  | { kind: "tags"; name: string }
  | { kind: "manifest"; name: string; reference: string }
  | { kind: "blob"; name: string; digest: ContentDigest }
  | { kind: "uploads"; name: string }
  | { kind: "upload"; name: string; id: string }
  | { kind: "referrers"; name: string; digest: ContentDigest };

/** Longer ones cannot be valid: name (255), reference (135), words between them. */
const MAX_PATH = 1024;

/**
 * Reads a path. The words of the API are looked for from the end, because a repository may be named `a/blobs/b`.
 * @returns undefined when it is not of the API. @throws NAME_INVALID, DIGEST_INVALID, BLOB_UPLOAD_INVALID.
 */
export function parseRoute(path: string): Route | undefined {
  if (path === "/v2/" || path === "/v2") return { kind: "base" };
  if (!path.startsWith("/v2/") || path.length > MAX_PATH) return undefined;
  if (path === "/v2/_catalog") return { kind: "catalog" };
  const rest = decode(path.slice(4));
  if (rest === undefined) return undefined;
  if (rest.endsWith("/tags/list")) return { kind: "tags", name: nameIn(rest.slice(0, -10)) };
  if (rest.endsWith("/blobs/uploads/") || rest.endsWith("/blobs/uploads"))
    return { kind: "uploads", name: nameIn(rest.slice(0, rest.lastIndexOf("/blobs/uploads"))) };
  const slash = rest.lastIndexOf("/");
  if (slash < 0) return undefined;
  const last = rest.slice(slash + 1);
  const before = rest.slice(0, slash);
  if (before.endsWith("/manifests"))
    return { kind: "manifest", name: nameIn(before.slice(0, -10)), reference: last };
  if (before.endsWith("/blobs/uploads")) {
    if (!isUploadId(last))
      throw new RegistryError("BLOB_UPLOAD_UNKNOWN", { detail: { id: last.slice(0, 100) } });
    return { kind: "upload", name: nameIn(before.slice(0, -14)), id: last };
  }
  if (before.endsWith("/blobs"))
    return { kind: "blob", name: nameIn(before.slice(0, -6)), digest: parseContentDigest(last) };
  if (before.endsWith("/referrers"))
    return { kind: "referrers", name: nameIn(before.slice(0, -10)), digest: parseContentDigest(last) };
  return undefined;
}

function nameIn(text: string): string {
  if (!isName(text)) throw new RegistryError("NAME_INVALID", { detail: { name: text.slice(0, 300) } });
  return text;
}

function decode(text: string): string | undefined {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
