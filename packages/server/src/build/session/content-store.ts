import {
  CONTENT_METHODS,
  CONTENT_STORE,
  InfoRequest,
  InfoResponse,
  ReadContentRequest,
  ReadContentResponse,
  WRITE,
  WriteContentRequest,
  WriteContentResponse,
} from "@berth/api/buildkit";
import { CODE, GrpcError } from "@berth/api/grpc";
import { END_OF_ARCHIVE, encodeHeader, padding, TarReader } from "@berth/archive";
import { type Digest, encoded, invalidParameter, notImplemented, sha256, systemError } from "@berth/base";
import { type Descriptor, parseIndex, parseManifest } from "@berth/spec";
import type { Session } from "./session.ts";

/** Manifests, indexes and configurations are read as a whole. */
const DOCUMENT_LIMIT = 8 << 20;
const CHUNK = 1 << 20;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const BLOB = /^(?:\.\/)?blobs\/sha256\/([0-9a-f]{64})$/;

/** OCI layouts of the client (`oci-layout://`, caches of the type `local`, `type=oci,tar=false`), each under a name. */
export class ClientStore {
  readonly #session: Session;
  readonly #metadata: Record<string, string>;

  /** @throws not-implemented when the client has no such service. */
  constructor(session: Session, name: string) {
    if (!session.supports(CONTENT_METHODS.info))
      throw notImplemented(`method ${CONTENT_METHODS.info} not supported by the client`);
    this.#session = session;
    this.#metadata = { [CONTENT_STORE]: name };
  }

  /** What an index, a manifest or an image of the store consists of, as the tar of an OCI layout. */
  async *layout(root: Digest, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const bytes = await this.#document(root, signal);
    const { mediaType } = JSON.parse(Buffer.from(bytes).toString()) as { mediaType?: unknown };
    const descriptor = {
      mediaType: typeof mediaType === "string" ? mediaType : "application/vnd.oci.image.manifest.v1+json",
      digest: root,
      size: bytes.byteLength,
    };
    yield* file("oci-layout", Buffer.from('{"imageLayoutVersion":"1.0.0"}'));
    yield* file("index.json", Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [descriptor] })));
    yield* this.#tree(root, bytes, new Set(), signal);
    yield END_OF_ARCHIVE;
  }

  async *#tree(
    digest: Digest,
    bytes: Uint8Array,
    done: Set<Digest>,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    if (done.has(digest)) return;
    done.add(digest);
    yield* file(pathOf(digest), bytes);
    const text = JSON.parse(Buffer.from(bytes).toString()) as { manifests?: unknown };
    if (Array.isArray(text.manifests)) {
      for (const { digest: each } of parseIndex(bytes).manifests) {
        // An index may name platforms that were left out.
        const inner = await this.#document(each, signal).catch((error) => {
          if (error instanceof GrpcError && error.code === CODE.NOT_FOUND) return undefined;
          throw error;
        });
        if (inner !== undefined) yield* this.#tree(each, inner, done, signal);
      }
      return;
    }
    const { config, layers } = parseManifest(bytes);
    for (const blob of [config, ...layers]) {
      if (done.has(blob.digest)) continue;
      done.add(blob.digest);
      yield* this.#blob(blob, signal);
    }
  }

  async *#blob({ digest, size }: Descriptor, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    yield header(pathOf(digest), size);
    let sent = 0;
    for await (const piece of this.#read(digest, signal)) {
      sent += piece.length;
      if (sent > size) throw systemError(`the blob ${digest} is longer than its descriptor says`);
      yield piece;
    }
    if (sent !== size) throw systemError(`the blob ${digest} is shorter than its descriptor says`);
    if (padding(size) > 0) yield new Uint8Array(padding(size));
  }

  /** @throws GrpcError; system for content that is not what its digest says. */
  async #document(digest: Digest, signal: AbortSignal): Promise<Uint8Array> {
    if (!DIGEST.test(digest)) throw invalidParameter(`invalid digest ${JSON.stringify(digest)}`);
    const { info } = await this.#session.calls.unary(
      CONTENT_METHODS.info,
      InfoRequest,
      { digest },
      InfoResponse,
      {
        metadata: this.#metadata,
        signal,
      },
    );
    if ((info?.size ?? 0) > DOCUMENT_LIMIT) throw invalidParameter(`the document ${digest} is too large`);
    const parts: Uint8Array[] = [];
    let size = 0;
    for await (const piece of this.#read(digest, signal)) {
      size += piece.length;
      if (size > DOCUMENT_LIMIT) throw invalidParameter(`the document ${digest} is too large`);
      parts.push(piece);
    }
    const bytes = Buffer.concat(parts);
    if (sha256(bytes) !== digest) throw systemError(`the content of ${digest} is not what its digest says`);
    return bytes;
  }

  async *#read(digest: Digest, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const call = this.#session.calls.stream(CONTENT_METHODS.read, { metadata: this.#metadata, signal });
    try {
      await call.write(ReadContentRequest.encode({ digest })).catch(() => {});
      call.end();
      for await (const message of call.messages()) yield ReadContentResponse.decode(message).data;
    } finally {
      call.cancel();
    }
  }

  /** Puts the blobs of a layout, which comes as a tar, into the store; the client itself writes index.json. */
  async write(tar: ReadableStream<Uint8Array>, signal: AbortSignal): Promise<void> {
    let writing: { digest: Digest; size: number } | undefined;
    const events: ({ begin: Digest; size: number } | { data: Uint8Array } | { end: true })[] = [];
    const reader = new TarReader({
      entry(entry) {
        const found = BLOB.exec(entry.name);
        writing =
          found === null || entry.type !== "file"
            ? undefined
            : { digest: `sha256:${found[1]}` as Digest, size: entry.size };
        if (writing !== undefined) events.push({ begin: writing.digest, size: writing.size });
      },
      data(bytes) {
        if (writing !== undefined) events.push({ data: bytes.slice() });
      },
      end() {
        if (writing !== undefined) events.push({ end: true });
        writing = undefined;
      },
    });
    let upload: Upload | undefined;
    try {
      for await (const chunk of tar) {
        reader.push(chunk);
        for (const event of events.splice(0)) {
          if ("begin" in event) upload = await this.#begin(event.begin, event.size, signal);
          else if ("data" in event) await upload?.write(event.data);
          else {
            await upload?.commit();
            upload = undefined;
          }
        }
      }
    } finally {
      upload?.cancel();
    }
  }

  /** undefined: the client has it already. */
  async #begin(digest: Digest, size: number, signal: AbortSignal): Promise<Upload | undefined> {
    const has = () => this.#has(digest, signal);
    if (await has()) return undefined;
    const call = this.#session.calls.stream(CONTENT_METHODS.write, { metadata: this.#metadata, signal });
    return new Upload(call, digest, size, has);
  }

  async #has(digest: Digest, signal: AbortSignal): Promise<boolean> {
    const { info } = CONTENT_METHODS;
    try {
      const options = { metadata: this.#metadata, signal };
      await this.#session.calls.unary(info, InfoRequest, { digest }, InfoResponse, options);
      return true;
    } catch (error) {
      if (error instanceof GrpcError && error.code === CODE.NOT_FOUND) return false;
      throw error;
    }
  }
}

/** One blob on its way to the client: each message is answered. */
class Upload {
  readonly #call: ReturnType<Session["calls"]["stream"]>;
  readonly #answers: AsyncGenerator<Uint8Array, void, undefined>;
  readonly #digest: Digest;
  readonly #size: number;
  readonly #isThere: () => Promise<boolean>;
  #offset = 0;

  constructor(
    call: ReturnType<Session["calls"]["stream"]>,
    digest: Digest,
    size: number,
    isThere: () => Promise<boolean>,
  ) {
    this.#call = call;
    this.#isThere = isThere;
    this.#answers = call.messages();
    this.#digest = digest;
    this.#size = size;
  }

  async write(data: Uint8Array): Promise<void> {
    for (let at = 0; at < data.length; at += CHUNK) {
      const piece = data.subarray(at, at + CHUNK);
      const answer = await this.#ask(WRITE.WRITE, piece);
      this.#offset += piece.length;
      if (answer.offset !== this.#offset) throw systemError(`the client did not take all of ${this.#digest}`);
    }
  }

  async commit(): Promise<void> {
    try {
      await this.#ask(WRITE.COMMIT, new Uint8Array());
    } catch (error) {
      // The client ends the stream with its last answer, which may be lost with it; or somebody else was faster.
      if (!(await this.#isThere())) throw error;
    }
    this.cancel();
  }

  cancel(): void {
    this.#call.cancel();
  }

  async #ask(action: number, data: Uint8Array) {
    const message = WriteContentRequest.encode({
      action,
      ref: `berth-${this.#digest}`,
      total: this.#size,
      expected: this.#digest,
      offset: this.#offset,
      data,
    });
    const writing = this.#call.write(message).catch(() => {});
    if (action === WRITE.COMMIT) this.#call.end();
    await writing;
    const step = await this.#answers.next();
    if (step.done === true) throw systemError(`the client did not answer for ${this.#digest}`);
    return WriteContentResponse.decode(step.value);
  }
}

function pathOf(digest: Digest): string {
  return `blobs/sha256/${encoded(digest)}`;
}

function header(name: string, size: number): Uint8Array {
  const time = { seconds: 0, nanoseconds: 0 };
  return encodeHeader({ type: "file", name, size, mode: 0o644, uid: 0, gid: 0, mtime: time });
}

function* file(name: string, bytes: Uint8Array): Generator<Uint8Array> {
  yield header(name, bytes.byteLength);
  yield bytes;
  if (padding(bytes.byteLength) > 0) yield new Uint8Array(padding(bytes.byteLength));
}
