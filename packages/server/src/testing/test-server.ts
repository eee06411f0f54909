import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Api } from "../api.ts";
import { type Listening, listen } from "../listen/server.ts";
import { FakeEngine, fakeBackends } from "./fake-backends.ts";

/** An API server on a unix socket of its own, with a fake engine behind it. */
export class TestServer implements AsyncDisposable {
  readonly engine = new FakeEngine();
  readonly shutdown = new AbortController();
  readonly directory = mkdtempSync(join(tmpdir(), "berth-server-"));
  readonly path = join(this.directory, "api.sock");
  readonly api = new Api(fakeBackends(this.engine), {
    engineVersion: "0.0.0",
    shutdown: this.shutdown.signal,
  });
  #listening: Listening[] = [];

  static async start(): Promise<TestServer> {
    const server = new TestServer();
    server.#listening = await listen(server.api, {
      endpoint: { kind: "unix", path: server.path },
      groupId: process.getgid?.() ?? 0,
    });
    return server;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.shutdown.abort();
    for (const each of this.#listening) await each.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`http://localhost${path}`, { ...init, unix: this.path });
  }

  post(path: string, body?: unknown): Promise<Response> {
    if (body === undefined) return this.fetch(path, { method: "POST" });
    return this.fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
  }

  async create(name: string, fields: object = {}): Promise<string> {
    const answer = await this.post(`/containers/create?name=${name}`, {
      Image: "bb",
      Cmd: ["cat"],
      ...fields,
    });
    return ((await answer.json()) as { Id: string }).Id;
  }

  connect(): Promise<RawClient> {
    return RawClient.connect(this.path);
  }
}

/** A client that speaks bytes. */
export class RawClient implements Disposable {
  readonly socket: Socket;
  #text = "";
  #bytes = 0;
  #changed = Promise.withResolvers<void>();
  ended = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#bytes += chunk.length;
      if (this.#bytes < 1 << 20) this.#text += chunk.toString("latin1");
      this.#wake();
    });
    socket.on("end", () => {
      this.ended = true;
      this.#wake();
    });
    socket.on("close", () => {
      this.ended = true;
      this.#wake();
    });
    socket.on("error", () => {});
  }

  static async connect(path: string): Promise<RawClient> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const socket = connect({ path, allowHalfOpen: true }, resolve);
    socket.once("error", reject);
    await promise;
    return new RawClient(socket);
  }

  get text(): string {
    return this.#text;
  }

  get bytes(): number {
    return this.#bytes;
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }

  send(text: string): void {
    this.socket.write(text);
  }

  /** Resolves when `wanted` has come. @throws when the connection ended without it. */
  async until(wanted: string): Promise<string> {
    while (!this.#text.includes(wanted)) {
      if (this.ended)
        throw new Error(`the connection ended without ${JSON.stringify(wanted)}: ${this.#text}`);
      await this.#changed.promise;
    }
    return this.#text;
  }

  async untilEnd(): Promise<string> {
    while (!this.ended) await this.#changed.promise;
    return this.#text;
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

/** Waits until `condition` holds; the test's own time limit ends it otherwise. */
export async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise<void>((resolve) => setImmediate(resolve));
}
