import { type Digest, sha256 } from "@berth/base";

/** A request as the fake registry saw it. */
export interface Seen {
  method: string;
  /** Path and query. */
  target: string;
  range: string | undefined;
  authorization: string | undefined;
}

/** Answers instead of the registry; undefined: the registry answers. */
export type Intercept = (request: Request, url: URL) => Response | undefined | Promise<Response | undefined>;

const error = (status: number, code: string, message: string, headers: Record<string, string> = {}) =>
  Response.json({ errors: [{ code, message }] }, { status, headers });

/** A registry in memory that tests make misbehave. */
export class FakeRegistry implements AsyncDisposable {
  readonly blobs = new Map<string, Uint8Array>();
  /** By `repository/reference`. */
  readonly manifests = new Map<string, { type: string; bytes: Uint8Array }>();
  /** Repositories that have a blob; a blob that is in none is in all. */
  readonly owners = new Map<string, Set<string>>();
  readonly seen: Seen[] = [];
  readonly #uploads = new Map<string, Uint8Array>();
  intercept: Intercept | undefined;
  /** Answers ranges. */
  ranges = true;
  #uploadCount = 0;
  readonly #server: Bun.Server<undefined>;

  constructor() {
    this.#server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      idleTimeout: 60,
      maxRequestBodySize: 2 ** 33,
      fetch: (request) => this.#answer(request),
    });
  }

  /** `127.0.0.1:<port>`. */
  get domain(): string {
    return `127.0.0.1:${this.#server.port}`;
  }

  get url(): string {
    return `http://${this.domain}`;
  }

  addBlob(bytes: Uint8Array, repository?: string): Digest {
    const digest = sha256(bytes);
    this.blobs.set(digest, bytes);
    if (repository !== undefined) this.#own(digest, repository);
    return digest;
  }

  addManifest(repository: string, tag: string, type: string, manifest: unknown): Digest {
    const bytes = manifest instanceof Uint8Array ? manifest : Buffer.from(JSON.stringify(manifest));
    const digest = sha256(bytes);
    for (const reference of [tag, digest]) this.manifests.set(`${repository}/${reference}`, { type, bytes });
    return digest;
  }

  /** Requests of a method whose target has a text in it. */
  requests(method: string, part = ""): Seen[] {
    return this.seen.filter((each) => each.method === method && each.target.includes(part));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true);
  }

  async #answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    this.seen.push({
      method: request.method,
      target: url.pathname + url.search,
      range: request.headers.get("range") ?? undefined,
      authorization: request.headers.get("authorization") ?? undefined,
    });
    const instead = await this.intercept?.(request, url);
    if (instead !== undefined) return instead;
    if (url.pathname === "/v2/") return Response.json({});
    const match = /^\/v2\/(.+)\/(manifests|blobs|tags)\/(.*)$/.exec(url.pathname);
    if (match === null) return new Response("404 page not found\n", { status: 404 });
    const [, repository, kind, rest] = match as unknown as [string, string, string, string];
    if (kind === "tags") return this.#tags(repository);
    if (kind === "manifests") return await this.#manifest(request, repository, rest);
    if (rest.startsWith("uploads")) return await this.#upload(request, url, repository, rest);
    return this.#blob(request, repository, rest);
  }

  #tags(repository: string): Response {
    const tags = [...this.manifests.keys()]
      .filter((key) => key.startsWith(`${repository}/`) && !key.includes("sha256:"))
      .map((key) => key.slice(repository.length + 1));
    if (tags.length === 0) return error(404, "NAME_UNKNOWN", "repository name not known to registry");
    return Response.json({ name: repository, tags });
  }

  async #manifest(request: Request, repository: string, reference: string): Promise<Response> {
    const key = `${repository}/${reference}`;
    if (request.method === "PUT") {
      const bytes = await request.bytes();
      const type = request.headers.get("content-type") ?? "";
      const digest = sha256(bytes);
      for (const each of [reference, digest]) this.manifests.set(`${repository}/${each}`, { type, bytes });
      return new Response(null, { status: 201, headers: { "Docker-Content-Digest": digest } });
    }
    const found = this.manifests.get(key);
    if (found === undefined) return error(404, "MANIFEST_UNKNOWN", "manifest unknown");
    const headers = { "Content-Type": found.type, "Docker-Content-Digest": sha256(found.bytes) };
    if (request.method !== "HEAD") return new Response(found.bytes, { headers });
    return new Response(null, { headers: { ...headers, "Content-Length": String(found.bytes.length) } });
  }

  #blob(request: Request, repository: string, digest: string): Response {
    const bytes = this.blobs.get(digest);
    const owners = this.owners.get(digest);
    if (bytes === undefined || (owners !== undefined && !owners.has(repository))) {
      return error(404, "BLOB_UNKNOWN", "blob unknown to registry");
    }
    if (request.method === "HEAD") {
      return new Response(null, { headers: { "Content-Length": String(bytes.length) } });
    }
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.get("range") ?? "");
    if (range === null || !this.ranges) return new Response(bytes);
    const from = Number(range[1]);
    const to = range[2] === "" ? bytes.length : Math.min(bytes.length, Number(range[2]) + 1);
    if (from >= bytes.length) return new Response(null, { status: 416 });
    return new Response(bytes.subarray(from, to), {
      status: 206,
      headers: { "Content-Range": `bytes ${from}-${to - 1}/${bytes.length}` },
    });
  }

  async #upload(request: Request, url: URL, repository: string, rest: string): Promise<Response> {
    const id = rest.replace(/^uploads\/?/, "");
    if (request.method === "POST") {
      const mount = url.searchParams.get("mount");
      if (mount !== null && this.owners.get(mount)?.has(url.searchParams.get("from") ?? "")) {
        this.#own(mount, repository);
        return new Response(null, { status: 201 });
      }
      const made = `u${++this.#uploadCount}`;
      this.#uploads.set(made, new Uint8Array());
      return new Response(null, {
        status: 202,
        headers: { Location: `/v2/${repository}/blobs/uploads/${made}?state=x` },
      });
    }
    const before = this.#uploads.get(id);
    if (before === undefined) return error(404, "BLOB_UPLOAD_UNKNOWN", "upload unknown");
    const headers = { Location: url.pathname + url.search, Range: `0-${Math.max(0, before.length - 1)}` };
    if (request.method === "GET") return new Response(null, { status: 204, headers });
    if (request.method === "DELETE") {
      this.#uploads.delete(id);
      return new Response(null, { status: 204 });
    }
    const bytes = Buffer.concat([before, ...(await this.#received(request, id, before))]);
    this.#uploads.set(id, bytes);
    if (request.method === "PATCH") {
      return new Response(null, { status: 202, headers: { ...headers, Range: `0-${bytes.length - 1}` } });
    }
    const digest = url.searchParams.get("digest") ?? "";
    if (sha256(bytes) !== digest) return error(400, "DIGEST_INVALID", "provided digest did not match");
    this.#uploads.delete(id);
    this.addBlob(bytes, repository);
    return new Response(null, { status: 201, headers: { "Docker-Content-Digest": digest } });
  }

  /** Keeps what came of a body that is cut. */
  async #received(request: Request, id: string, before: Uint8Array): Promise<Uint8Array[]> {
    const parts: Uint8Array[] = [];
    try {
      for await (const part of request.body ?? []) parts.push(part);
    } catch (failure) {
      this.#uploads.set(id, Buffer.concat([before, ...parts]));
      throw failure;
    }
    return parts;
  }

  #own(digest: string, repository: string): void {
    this.owners.set(digest, (this.owners.get(digest) ?? new Set()).add(repository));
  }
}

/** An answer whose connection breaks after some bytes. */
export function cutAfter(bytes: Uint8Array, count: number, init: ResponseInit = {}): Response {
  let sent = false;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (!sent) {
        sent = true;
        controller.enqueue(bytes.subarray(0, count));
        return;
      }
      // What was sent has to arrive before the end does.
      await Bun.sleep(20);
      controller.error(new Error("cut"));
    },
  });
  return new Response(body, init);
}
