/** OCI layouts made here, so that tests have images of any platform without a network. */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

export interface LayoutImage {
  os: string;
  architecture: string;
  variant?: string;
}

const OCI = "application/vnd.oci.image";

/** Writes an index of one small image for each platform, named `name`; each has a file `/arch`. @returns its digest. */
export function writeLayout(folder: string, name: string, images: readonly LayoutImage[]): string {
  const blobs = join(folder, "blobs/sha256");
  mkdirSync(blobs, { recursive: true });
  const put = (content: Uint8Array | object) => {
    const bytes = content instanceof Uint8Array ? content : Buffer.from(JSON.stringify(content));
    const hex = createHash("sha256").update(bytes).digest("hex");
    writeFileSync(join(blobs, hex), bytes);
    return { digest: `sha256:${hex}`, size: bytes.length };
  };
  const manifests = images.map((platform) => {
    const tar = tarOf("arch", Buffer.from(platform.architecture));
    const diffId = `sha256:${createHash("sha256").update(tar).digest("hex")}`;
    const config = put({
      created: "2024-01-02T03:04:05Z",
      ...platform,
      config: { Cmd: ["/bin/true"], Labels: { made: "here" } },
      rootfs: { type: "layers", diff_ids: [diffId] },
      history: [{ created: "2024-01-02T03:04:05Z", created_by: "a test" }],
    });
    const manifest = put({
      schemaVersion: 2,
      mediaType: `${OCI}.manifest.v1+json`,
      config: { mediaType: `${OCI}.config.v1+json`, ...config },
      layers: [{ mediaType: `${OCI}.layer.v1.tar+gzip`, ...put(gzipSync(tar)) }],
    });
    return { mediaType: `${OCI}.manifest.v1+json`, ...manifest, platform };
  });
  const index = put({ schemaVersion: 2, mediaType: `${OCI}.index.v1+json`, manifests });
  const annotations = { "org.opencontainers.image.ref.name": name };
  writeFileSync(
    join(folder, "index.json"),
    JSON.stringify({
      schemaVersion: 2,
      manifests: [{ mediaType: `${OCI}.index.v1+json`, ...index, annotations }],
    }),
  );
  writeFileSync(join(folder, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  return index.digest;
}

/** A ustar archive of one file. */
function tarOf(name: string, content: Uint8Array): Uint8Array {
  const header = Buffer.alloc(512);
  const put = (text: string, at: number) => header.write(text, at, "latin1");
  put(name, 0);
  put("0000644\0", 100);
  put("0000000\0", 108);
  put("0000000\0", 116);
  put(`${content.length.toString(8).padStart(11, "0")}\0`, 124);
  put("14554560000\0", 136);
  put("        ", 148);
  put("0", 156);
  put("ustar\x0000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  put(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512);
  return Buffer.concat([header, content, padding, Buffer.alloc(1024)]);
}
