import type { ByteRange, ObjectStat, ObjectStore } from "../object-store.ts";
import { copyObject, unescapeXml } from "./multipart.ts";
import { S3Client, type S3Settings } from "./s3-client.ts";
import { S3Uploads } from "./s3-uploads.ts";

const PART = 16 << 20;
/** Long enough to begin a download with. */
const READABLE_SECONDS = 1200;

export interface S3StoreSettings extends S3Settings {
  /** In front of all keys. */
  prefix: string;
  /** Bytes. */
  partSize?: number;
  /** Clients read blobs from the bucket itself. */
  redirect?: boolean;
}

/** An S3-compatible store: each object is written whole and durable by one request (or one completed multipart upload). */
export function openS3Store(settings: S3StoreSettings): ObjectStore {
  return new S3Store(settings);
}

/** The uploads' part of the interface is that of its superclass. */
class S3Store extends S3Uploads implements ObjectStore {
  readonly description: string;
  readonly #client: S3Client;
  readonly #prefix: string;
  readonly #redirect: boolean;

  constructor(settings: S3StoreSettings) {
    const client = new S3Client(settings);
    const trimmed = settings.prefix.replace(/^\/+|\/+$/g, "");
    const prefix = trimmed === "" ? "" : `${trimmed}/`;
    super(
      client,
      (key) => prefix + key,
      (key) => this.read(key),
      settings.partSize ?? PART,
    );
    this.#redirect = settings.redirect ?? false;
    this.#client = client;
    this.#prefix = prefix;
    this.description = client.description;
  }

  async read(key: string): Promise<Uint8Array | undefined> {
    const response = await this.#client.send("GET", this.#prefix + key, { accept: [404] });
    if (response.status !== 404) return await response.bytes();
    await response.body?.cancel();
    return undefined;
  }

  async stat(key: string): Promise<ObjectStat | undefined> {
    const response = await this.#client.send("HEAD", this.#prefix + key, { accept: [404] });
    if (response.status === 404) return undefined;
    return {
      size: Number(response.headers.get("content-length")),
      modified: Date.parse(response.headers.get("last-modified") ?? ""),
    };
  }

  async body(key: string, size: number, range?: ByteRange): Promise<Blob | ReadableStream<Uint8Array>> {
    if (size === 0) return new Blob([]);
    const response = await this.#client.send("GET", this.#prefix + key, {
      ...(range !== undefined && { headers: { range: `bytes=${range.start}-${range.end - 1}` } }),
    });
    return response.body as ReadableStream<Uint8Array>;
  }

  redirect(key: string): string | undefined {
    return this.#redirect ? this.#client.readableUrl(this.#prefix + key, READABLE_SECONDS) : undefined;
  }

  async list(folder: string): Promise<string[]> {
    const prefix = `${this.#prefix}${folder}/`;
    const names: string[] = [];
    for await (const page of this.#pages(prefix, "/")) {
      for (const [, text] of page.matchAll(/<Prefix>([^<]*)<\/Prefix>|<Key>([^<]*)<\/Key>/g).map(either)) {
        const key = unescapeXml(text);
        if (key.startsWith(prefix) && key !== prefix) names.push(key.slice(prefix.length));
      }
    }
    return names.sort();
  }

  async write(objects: readonly (readonly [key: string, content: string | Uint8Array])[]): Promise<void> {
    for (const [key, content] of objects) {
      const body = typeof content === "string" ? new TextEncoder().encode(content) : content;
      await this.#client.send("PUT", this.#prefix + key, { body });
    }
  }

  async touch(key: string): Promise<void> {
    const found = await this.stat(key);
    if (found === undefined) return;
    await copyObject(this.#client, this.#prefix + key, this.#prefix + key, found.size);
  }

  async remove(keys: readonly string[]): Promise<void> {
    for (const key of keys) await this.#client.send("DELETE", this.#prefix + key, { accept: [404] });
  }

  async removeFolder(folder: string): Promise<void> {
    const prefix = `${this.#prefix}${folder}/`;
    for await (const page of this.#pages(prefix, undefined)) {
      for (const [, text] of page.matchAll(/<Key>([^<]*)<\/Key>/g))
        await this.#client.send("DELETE", unescapeXml(text!), { accept: [404] });
    }
  }

  async check(): Promise<void> {
    await this.#client.send("GET", "", {
      query: [
        ["list-type", "2"],
        ["max-keys", "1"],
      ],
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  /** Answers of ListObjectsV2, page after page. */
  async *#pages(prefix: string, delimiter: string | undefined): AsyncGenerator<string> {
    for (let token: string | undefined; ; ) {
      const response = await this.#client.send("GET", "", {
        query: [
          ["list-type", "2"],
          ["prefix", prefix],
          ...(delimiter === undefined ? [] : [["delimiter", delimiter] as const]),
          ...(token === undefined ? [] : [["continuation-token", token] as const]),
        ],
      });
      const text = await response.text();
      yield text;
      const next = /<NextContinuationToken>([^<]+)<\/NextContinuationToken>/.exec(text)?.[1];
      if (next === undefined) return;
      token = unescapeXml(next);
    }
  }
}

const either = ([all, prefix, key]: RegExpExecArray): [string, string] => [all, prefix ?? key ?? ""];
