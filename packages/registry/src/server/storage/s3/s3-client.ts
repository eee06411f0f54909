import { type Credentials, canonicalQuery, encode, sha256Hex, sign, UNSIGNED } from "./sigv4.ts";

export interface S3Settings extends Credentials {
  /** `http://127.0.0.1:9000`; paths are `/<bucket>/<key>`. */
  endpoint: string;
  region: string;
  bucket: string;
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
  }

  get description(): string {
    return `the bucket ${this.#settings.bucket} at ${this.#endpoint.host}`;
  }

  pathOf(key: string): string {
    return `/${encode(`${this.#settings.bucket}/${key}`, true)}`;
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
    const { region } = this.#settings;
    const { host, origin } = this.#endpoint;
    const path = this.pathOf(key);
    const payload =
      body === undefined ? sha256Hex("") : body.byteLength > HASHED ? UNSIGNED : sha256Hex(body);
    const signed = sign({ method, host, path, query, headers, payload }, this.#settings, region, new Date());
    const search = query.length === 0 ? "" : `?${canonicalQuery(query)}`;
    return await fetch(`${origin}${path}${search}`, {
      method,
      headers: signed,
      decompress: false,
      ...(body !== undefined && { body: body as Uint8Array<ArrayBuffer> }),
    });
  }
}
