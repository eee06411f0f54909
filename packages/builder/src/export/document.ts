import { sha256 } from "@berth/base";
import type { Descriptor } from "@berth/spec";

/** A document that is made here: a manifest, a configuration, an index. */
export interface ExportDocument {
  descriptor: Descriptor;
  bytes: Uint8Array;
}

export function documentOf(
  mediaType: string,
  value: unknown,
  more: Partial<Descriptor> = {},
): ExportDocument {
  const bytes = value instanceof Uint8Array ? value : Buffer.from(JSON.stringify(value));
  return { descriptor: { mediaType, digest: sha256(bytes), size: bytes.byteLength, ...more }, bytes };
}
