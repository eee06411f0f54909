import type { S3Client } from "./s3-client.ts";

/** The largest object that one request copies. */
const MOST_COPIED = 5 * 2 ** 30;
const COPY_PART = 1 << 30;

export interface Part {
  number: number;
  etag: string;
  size: number;
}

export async function beginMultipart(client: S3Client, key: string): Promise<string> {
  const response = await client.send("POST", key, { query: [["uploads", ""]] });
  const id = /<UploadId>([^<]+)<\/UploadId>/.exec(await response.text())?.[1];
  if (id === undefined) throw new Error("the store began no multipart upload");
  return unescapeXml(id);
}

export async function putPart(
  client: S3Client,
  key: string,
  uploadId: string,
  number: number,
  body: Uint8Array,
): Promise<Part> {
  const response = await client.send("PUT", key, {
    query: [
      ["partNumber", String(number)],
      ["uploadId", uploadId],
    ],
    body,
  });
  return { number, etag: response.headers.get("etag") ?? "", size: body.byteLength };
}

export async function completeMultipart(
  client: S3Client,
  key: string,
  uploadId: string,
  parts: readonly Part[],
): Promise<void> {
  const list = parts.map(
    ({ number, etag }) => `<Part><PartNumber>${number}</PartNumber><ETag>${escapeXml(etag)}</ETag></Part>`,
  );
  const body = new TextEncoder().encode(
    `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${list.join("")}</CompleteMultipartUpload>`,
  );
  const response = await client.send("POST", key, { query: [["uploadId", uploadId]], body });
  // A failure may come after the status 200 was sent.
  const text = await response.text();
  if (text.includes("<Error>"))
    throw new Error(`the store did not complete the upload: ${text.slice(0, 300)}`);
}

export async function abortMultipart(client: S3Client, key: string, uploadId: string): Promise<void> {
  await client.send("DELETE", key, { query: [["uploadId", uploadId]], accept: [404] });
}

/** Copies an object inside the store. */
export async function copyObject(client: S3Client, from: string, to: string, size: number): Promise<void> {
  const source = client.sourceOf(from);
  if (size <= MOST_COPIED) {
    const response = await client.send("PUT", to, {
      headers: {
        "x-amz-copy-source": source,
        // An object may be copied onto itself (to make it new) only when something is replaced.
        ...(from === to && {
          "x-amz-metadata-directive": "REPLACE",
          "x-amz-meta-touched": String(Date.now()),
        }),
      },
    });
    const text = await response.text();
    if (text.includes("<Error>")) throw new Error(`the store did not copy: ${text.slice(0, 300)}`);
    return;
  }
  const uploadId = await beginMultipart(client, to);
  const parts: Part[] = [];
  for (let start = 0; start < size; start += COPY_PART) {
    const end = Math.min(size, start + COPY_PART);
    const number = parts.length + 1;
    const response = await client.send("PUT", to, {
      query: [
        ["partNumber", String(number)],
        ["uploadId", uploadId],
      ],
      headers: { "x-amz-copy-source": source, "x-amz-copy-source-range": `bytes=${start}-${end - 1}` },
    });
    const etag = /<ETag>([^<]+)<\/ETag>/.exec(await response.text())?.[1];
    if (etag === undefined) throw new Error("the store did not copy a part");
    parts.push({ number, etag: unescapeXml(etag), size: end - start });
  }
  await completeMultipart(client, to, uploadId, parts);
}

const ENTITIES: Record<string, string> = {
  "&amp;": "&",
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&apos;": "'",
};

export function unescapeXml(text: string): string {
  return text.replace(/&(?:amp|lt|gt|quot|apos|#x?[0-9a-fA-F]{1,6});/g, (each) => {
    if (ENTITIES[each] !== undefined) return ENTITIES[each];
    const isHex = each[2] === "x";
    return String.fromCodePoint(Number.parseInt(each.slice(isHex ? 3 : 2, -1), isHex ? 16 : 10) % 0x110000);
  });
}

const escapeXml = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
