/** A small S3-compatible store in memory: what the registry uses of S3, checked as strictly as S3 does it. */
import { presign, sign } from "./sigv4.ts";

interface StoredObject {
  bytes: Uint8Array;
  modified: Date;
}

interface Upload {
  key: string;
  parts: Map<number, StoredObject>;
}

export const TEST_CREDENTIALS = { accessKey: "TESTKEY", secretKey: "test/secret" };
/** So small that every list of a test has pages. */
const PAGE = 3;
const SMALLEST_PART = 5 << 20;

const etagOf = (bytes: Uint8Array) => `"${new Bun.CryptoHasher("md5").update(bytes).digest("hex")}"`;
const xmlText = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
const failure = (status: number, code: string) =>
  new Response(`<Error><Code>${code}</Code></Error>`, { status });
const xml = (text: string) => new Response(`<?xml version="1.0" encoding="UTF-8"?>${text}`);

const dateOf = (stamp: string) =>
  new Date(stamp.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"));

export class S3TestServer {
  readonly objects = new Map<string, StoredObject>();
  readonly uploads = new Map<string, Upload>();
  /** Requests that are answered with 503 first. */
  failures = 0;
  /** Headers of the requests that made an object, by key. */
  readonly made = new Map<string, Headers>();
  readonly #server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    maxRequestBodySize: 1 << 30,
    fetch: (request) => this.#answer(request),
  });

  get endpoint(): string {
    return `http://127.0.0.1:${this.#server.port}`;
  }

  async stop(): Promise<void> {
    await this.#server.stop(true);
  }

  async #answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const body = await request.bytes();
    if (url.searchParams.has("X-Amz-Signature")) return this.#presigned(request, url);
    if (!this.#isSigned(request, url, body)) return failure(403, "SignatureDoesNotMatch");
    if (this.failures > 0) {
      this.failures--;
      return failure(503, "SlowDown");
    }
    const path = decodeURIComponent(url.pathname);
    if (!/^\/images(?:\/|$)/.test(path)) return failure(404, "NoSuchBucket");
    const key = path.slice("/images/".length);
    const query = url.searchParams;
    if (key === "") return request.method === "GET" ? this.#list(query) : failure(405, "MethodNotAllowed");
    if (query.has("uploads") || (request.method === "PUT" && !query.has("uploadId")))
      this.made.set(key, request.headers);
    if (query.has("uploads") || query.has("uploadId")) return this.#multipart(request, key, query, body);
    return this.#object(request, key, body);
  }

  /** A URL that somebody was given. */
  #presigned(request: Request, url: URL): Response {
    const stamp = url.searchParams.get("X-Amz-Date") ?? "";
    const at = dateOf(stamp);
    const seconds = Number(url.searchParams.get("X-Amz-Expires"));
    const isNow = at.getTime() + seconds * 1000 > Date.now();
    const mine = presign(url.host, url.pathname, TEST_CREDENTIALS, "us-east-1", at, seconds);
    if (request.method !== "GET" || !isNow || `?${mine}` !== url.search) return failure(403, "AccessDenied");
    return this.#object(request, decodeURIComponent(url.pathname).slice("/images/".length), new Uint8Array());
  }

  #isSigned(request: Request, url: URL, body: Uint8Array): boolean {
    const given = request.headers.get("authorization") ?? "";
    const names = /SignedHeaders=([^,]+),/.exec(given)?.[1]?.split(";") ?? [];
    const stamp = request.headers.get("x-amz-date") ?? "";
    const at = dateOf(stamp);
    if (Number.isNaN(at.getTime()) || Math.abs(at.getTime() - Date.now()) > 900_000) return false;
    const payload = request.headers.get("x-amz-content-sha256") ?? "";
    const actual = new Bun.CryptoHasher("sha256").update(body).digest("hex");
    if (payload !== "UNSIGNED-PAYLOAD" && payload !== actual) return false;
    const headers: Record<string, string> = {};
    for (const name of names) {
      if (!["host", "x-amz-date", "x-amz-content-sha256"].includes(name))
        headers[name] = request.headers.get(name) ?? "";
    }
    const query = [...url.searchParams];
    const signed = { method: request.method, host: url.host, path: url.pathname, query, headers, payload };
    return sign(signed, TEST_CREDENTIALS, "us-east-1", at).authorization === given;
  }

  #object(request: Request, key: string, body: Uint8Array): Response {
    const found = this.objects.get(key);
    switch (request.method) {
      case "PUT": {
        const from = request.headers.get("x-amz-copy-source");
        let bytes = body;
        if (from !== null) {
          const source = decodeURIComponent(from).slice("/images/".length);
          const copied = this.objects.get(source);
          if (copied === undefined) return failure(404, "NoSuchKey");
          if (source === key && request.headers.get("x-amz-metadata-directive") !== "REPLACE")
            return failure(400, "InvalidRequest");
          ({ bytes } = copied);
        }
        this.objects.set(key, { bytes, modified: new Date() });
        return from === null
          ? new Response(null, { headers: { ETag: etagOf(bytes) } })
          : xml(`<CopyObjectResult><ETag>${xmlText(etagOf(bytes))}</ETag></CopyObjectResult>`);
      }
      case "DELETE":
        this.objects.delete(key);
        return new Response(null, { status: 204 });
      case "HEAD":
      case "GET": {
        if (found === undefined) return failure(404, "NoSuchKey");
        const headers = { "Last-Modified": found.modified.toUTCString(), ETag: etagOf(found.bytes) };
        if (request.method === "HEAD")
          return new Response(null, {
            headers: { ...headers, "Content-Length": String(found.bytes.byteLength) },
          });
        const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.get("range") ?? "");
        const part = range === null ? found.bytes : found.bytes.slice(Number(range[1]), Number(range[2]) + 1);
        return new Response(part as Uint8Array<ArrayBuffer>, { status: range === null ? 200 : 206, headers });
      }
      default:
        return failure(405, "MethodNotAllowed");
    }
  }

  #multipart(request: Request, key: string, query: URLSearchParams, body: Uint8Array): Response {
    if (request.method === "POST" && query.has("uploads")) {
      const id = `id&${this.uploads.size + 1}`;
      this.uploads.set(id, { key, parts: new Map() });
      return xml(
        `<InitiateMultipartUploadResult><UploadId>${xmlText(id)}</UploadId></InitiateMultipartUploadResult>`,
      );
    }
    const id = query.get("uploadId")!;
    const upload = this.uploads.get(id);
    if (upload === undefined || upload.key !== key) return failure(404, "NoSuchUpload");
    if (request.method === "PUT") {
      upload.parts.set(Number(query.get("partNumber")), { bytes: body, modified: new Date() });
      return new Response(null, { headers: { ETag: etagOf(body) } });
    }
    this.uploads.delete(id);
    if (request.method === "DELETE") return new Response(null, { status: 204 });
    const asked = [
      ...new TextDecoder().decode(body).matchAll(/<PartNumber>(\d+)<\/PartNumber><ETag>([^<]+)<\/ETag>/g),
    ];
    const chosen: Uint8Array[] = [];
    for (const [index, [, number, etag]] of asked.entries()) {
      const part = upload.parts.get(Number(number));
      if (part === undefined || xmlText(etagOf(part.bytes)) !== etag || Number(number) !== index + 1)
        return failure(400, "InvalidPart");
      if (index < asked.length - 1 && part.bytes.byteLength < SMALLEST_PART)
        return failure(400, "EntityTooSmall");
      chosen.push(part.bytes);
    }
    if (chosen.length === 0) return failure(400, "MalformedXML");
    this.objects.set(key, { bytes: Buffer.concat(chosen), modified: new Date() });
    return xml("<CompleteMultipartUploadResult></CompleteMultipartUploadResult>");
  }

  #list(query: URLSearchParams): Response {
    if (query.get("list-type") !== "2") return failure(400, "InvalidArgument");
    const prefix = query.get("prefix") ?? "";
    const delimiter = query.get("delimiter");
    const after = query.get("continuation-token") ?? "";
    const entries = new Map<string, string>();
    for (const key of [...this.objects.keys()].filter((each) => each.startsWith(prefix)).sort()) {
      const end = delimiter === null ? -1 : key.indexOf(delimiter, prefix.length);
      if (end < 0) entries.set(key, `<Contents><Key>${xmlText(key)}</Key></Contents>`);
      else {
        const common = key.slice(0, end + 1);
        entries.set(common, `<CommonPrefixes><Prefix>${xmlText(common)}</Prefix></CommonPrefixes>`);
      }
    }
    const behind = [...entries.keys()].sort().filter((each) => each > after);
    const page = behind.slice(0, PAGE);
    const next =
      behind.length > PAGE ? `<NextContinuationToken>${xmlText(page.at(-1)!)}</NextContinuationToken>` : "";
    const members = page.map((each) => entries.get(each)).join("");
    return xml(`<ListBucketResult><Prefix>${xmlText(prefix)}</Prefix>${next}${members}</ListBucketResult>`);
  }
}
