import type { UploadStore } from "../object-store.ts";
import {
  abortMultipart,
  beginMultipart,
  completeMultipart,
  copyObject,
  type Part,
  putPart,
} from "./multipart.ts";
import type { S3Client } from "./s3-client.ts";

/** In the upload's folder: what is known of it, as JSON. */
interface State {
  uploadId?: string;
  parts: Part[];
  /** Bytes that are not yet a part; they are in the object `tail`. */
  tail: number;
}

const sizeOf = ({ parts, tail }: State): number => parts.reduce((sum, { size }) => sum + size, tail);

/**
 * An upload in a bucket, in a folder of its own:
 *
 *   state   what was received (below); written behind everything else
 *   data    a multipart upload: whole parts
 *   tail    the rest, smaller than a part
 */
export class S3Uploads implements UploadStore {
  readonly #client: S3Client;
  readonly #key: (key: string) => string;
  readonly #read: (key: string) => Promise<Uint8Array | undefined>;
  readonly #partSize: number;

  /** @param key from our keys to the bucket's. @param partSize bytes; S3's smallest part is 5 MiB, its most 10,000. */
  constructor(
    client: S3Client,
    key: (key: string) => string,
    read: (key: string) => Promise<Uint8Array | undefined>,
    partSize: number,
  ) {
    this.#client = client;
    this.#partSize = partSize;
    this.#key = key;
    this.#read = read;
  }

  async createUpload(folder: string): Promise<void> {
    await this.#save(folder, { parts: [], tail: 0 });
  }

  async uploadSize(folder: string): Promise<number | undefined> {
    const state = await this.#load(folder);
    return state === undefined ? undefined : sizeOf(state);
  }

  async appendUpload(
    folder: string,
    offset: number,
    source: AsyncIterable<Uint8Array>,
    tap: (piece: Uint8Array) => void,
  ): Promise<number> {
    const state = await this.#load(folder);
    if (state === undefined || sizeOf(state) !== offset) throw new Error("the upload changed meanwhile");
    const pieces: Uint8Array[] = [];
    let waiting = 0;
    const take = (piece: Uint8Array) => {
      pieces.push(piece);
      waiting += piece.byteLength;
    };
    if (state.tail > 0) take((await this.#read(`${folder}/tail`)) ?? new Uint8Array());
    const flush = async (size: number) => {
      const all = Buffer.concat(pieces.splice(0));
      const rest = all.subarray(size);
      waiting = 0;
      if (rest.byteLength > 0) take(rest);
      state.uploadId ??= await beginMultipart(this.#client, this.#key(`${folder}/data`));
      const number = state.parts.length + 1;
      const part = await putPart(
        this.#client,
        this.#key(`${folder}/data`),
        state.uploadId,
        number,
        all.subarray(0, size),
      );
      state.parts.push(part);
    };
    try {
      for await (const piece of source) {
        tap(piece);
        take(piece);
        if (waiting >= this.#partSize) await flush(this.#partSize);
      }
    } finally {
      // Also when the client went away: what came before stays.
      const rest = Buffer.concat(pieces);
      if (rest.byteLength > 0) await this.#client.send("PUT", this.#key(`${folder}/tail`), { body: rest });
      state.tail = rest.byteLength;
      await this.#save(folder, state);
    }
    return sizeOf(state);
  }

  async readUpload(folder: string): Promise<ReadableStream<Uint8Array>> {
    // Parts can be read only when they are an object.
    const state = await this.#complete(folder);
    const tail = state.tail > 0 ? await this.#read(`${folder}/tail`) : undefined;
    const data =
      state.parts.length > 0 ? (await this.#client.send("GET", this.#key(`${folder}/data`))).body : null;
    async function* all() {
      if (data !== null) yield* data as ReadableStream<Uint8Array>;
      if (tail !== undefined) yield tail;
    }
    return new Response(all() as never).body as ReadableStream<Uint8Array>;
  }

  async publishUpload(folder: string, key: string): Promise<void> {
    const state = await this.#complete(folder);
    if (state.parts.length === 0) {
      const tail = state.tail > 0 ? await this.#read(`${folder}/tail`) : undefined;
      await this.#client.send("PUT", this.#key(key), { body: tail ?? new Uint8Array() });
    } else {
      await copyObject(this.#client, this.#key(`${folder}/data`), this.#key(key), sizeOf(state));
    }
    await this.removeUpload(folder);
  }

  async removeUpload(folder: string): Promise<void> {
    const state = await this.#load(folder);
    if (state?.uploadId !== undefined)
      await abortMultipart(this.#client, this.#key(`${folder}/data`), state.uploadId);
    for (const name of ["data", "tail", "state"])
      await this.#client.send("DELETE", this.#key(`${folder}/${name}`), { accept: [404] });
  }

  async uploadModified(folder: string): Promise<number | undefined> {
    const response = await this.#client.send("HEAD", this.#key(`${folder}/state`), { accept: [404] });
    return response.status === 404 ? undefined : Date.parse(response.headers.get("last-modified") ?? "");
  }

  /** When there are parts, makes them with the tail the object `data`. */
  async #complete(folder: string): Promise<State> {
    const state = await this.#load(folder);
    if (state === undefined) throw new Error("the upload is gone");
    const { uploadId } = state;
    if (uploadId === undefined) return state;
    const key = this.#key(`${folder}/data`);
    if (state.tail > 0) {
      const tail = (await this.#read(`${folder}/tail`)) ?? new Uint8Array();
      state.parts.push(await putPart(this.#client, key, uploadId, state.parts.length + 1, tail));
      state.tail = 0;
    }
    await completeMultipart(this.#client, key, uploadId, state.parts);
    delete state.uploadId;
    await this.#save(folder, state);
    return state;
  }

  async #load(folder: string): Promise<State | undefined> {
    const bytes = await this.#read(`${folder}/state`);
    return bytes === undefined ? undefined : (JSON.parse(new TextDecoder().decode(bytes)) as State);
  }

  async #save(folder: string, state: State): Promise<void> {
    await this.#client.send("PUT", this.#key(`${folder}/state`), {
      body: new TextEncoder().encode(JSON.stringify(state)),
    });
  }
}
