import { type Credentials, canonicalQuery, encode, presign, sha256Hex, sign, UNSIGNED } from "./sigv4.ts";

export interface S3Settings extends Credentials {
  /** `http://127.0.0.1:9000`. */
  endpoint: string;
  region: string;
  bucket: string;
  /** The bucket is the first part of the host instead of the path. */
  virtualHost?: boolean;
  /** Any certificate of the store is trusted. */
  skipVerify?: boolean;
  /** The store encrypts objects, with the key of that id (KMS) or its own. */
  encrypt?: boolean;
  keyId?: string;
  storageClass?: string;
}

export interface S3Request {
  query?: readonly (readonly [string, string])[];
  headers?: Record<string, string>;
  body?: Uint8Array;
  /** Statuses that are no failure besides 2xx. */
  accept?: readonly number[];
}

const ATTEMPTS = 4;
/** Larger bodies are not hashed a second time for the signature. */
const HASHED = 64 << 10;

export class S3Error extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.name = "S3Error";
    this.status = status;
  }
}

/** Signed requests to one bucket, repeated when they fail in passing. */
export class S3Client {
  readonly #settings: S3Settings;
  readonly #endpoint: URL;

  constructor(settings: S3Settings) {
    this.#settings = settings;
    this.#endpoint = new URL(settings.endpoint);
    if (settings.virtualHost) this.#endpoint.hostname = `${settings.bucket}.${this.#endpoint.hostname}`;
  }

  get description(): string {
    return `the bucket ${this.#settings.bucket} at ${this.#endpoint.host}`;
  }

  /** What `x-amz-copy-source` names an object. */
  sourceOf(key: string): string {
    return `/${encode(`${this.#settings.bucket}/${key}`, true)}`;
  }

  /** Without a slash behind the bucket's own name: some stores sign their idea of the path, which has none. */
  #pathOf(key: string): string {
    if (key === "" && !this.#settings.virtualHost) return `/${encode(this.#settings.bucket)}`;
    return this.#settings.virtualHost ? `/${encode(key, true)}` : this.sourceOf(key);
  }

  /** A URL by which anybody can read the object for so many seconds. */
  readableUrl(key: string, seconds: number): string {
    const { host, origin } = this.#endpoint;
    const path = this.#pathOf(key);
    return `${origin}${path}?${presign(host, path, this.#settings, this.#settings.region, new Date(), seconds)}`;
  }

  /** What the store is to do with an object that is made. */
  #objectHeaders(): Record<string, string> {
    const { encrypt, keyId, storageClass } = this.#settings;
    const kms = keyId !== undefined && keyId !== "";
    return {
      ...(encrypt && { "x-amz-server-side-encryption": kms ? "aws:kms" : "AES256" }),
      ...(encrypt && kms && { "x-amz-server-side-encryption-aws-kms-key-id": keyId }),
      ...(storageClass && { "x-amz-storage-class": storageClass }),
    };
  }

  /** @throws S3Error for an answer that is not accepted; the network's error when the last attempt fails. */
  async send(method: string, key: string, request: S3Request = {}): Promise<Response> {
    for (let attempt = 1; ; attempt++) {
      let failure: unknown;
      try {
        const response = await this.#once(method, key, request);
        if (response.ok || request.accept?.includes(response.status)) return response;
        const text = (await response.text()).slice(0, 1000);
        const code = /<Code>([^<]*)<\/Code>/.exec(text)?.[1] ?? text;
        failure = new S3Error(response.status, `${method} ${key}: status ${response.status} ${code}`);
        if (response.status < 500 && response.status !== 429 && response.status !== 408) throw failure;
      } catch (error) {
        if (error === failure) throw error;
        failure = error;
      }
      if (attempt === ATTEMPTS) throw failure;
      await Bun.sleep(100 * 2 ** attempt * (0.5 + Math.random()));
    }
  }

  async #once(method: string, key: string, { query = [], headers = {}, body }: S3Request): Promise<Response> {
    const { region, skipVerify } = this.#settings;
    const { host, origin } = this.#endpoint;
    const path = this.#pathOf(key);
    const isPart = query.some(([name]) => name === "uploadId");
    const makes =
      (method === "PUT" && !isPart) || (method === "POST" && query.some(([name]) => name === "uploads"));
    const all = makes ? { ...headers, ...this.#objectHeaders() } : headers;
    const payload =
      body === undefined ? sha256Hex("") : body.byteLength > HASHED ? UNSIGNED : sha256Hex(body);
    const signed = sign(
      { method, host, path, query, headers: all, payload },
      this.#settings,
      region,
      new Date(),
    );
    const search = query.length === 0 ? "" : `?${canonicalQuery(query)}`;
    return await fetch(`${origin}${path}${search}`, {
      method,
      headers: signed,
      decompress: false,
      ...(skipVerify && { tls: { rejectUnauthorized: false } }),
      ...(body !== undefined && { body: body as Uint8Array<ArrayBuffer> }),
    });
  }
}
