import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { ProgressMessage } from "@berth/api";
import { type Content, openContent } from "@berth/content";
import { openOverlaySnapshots, type Snapshots, workerLayerJobs } from "@berth/snapshot";
import { openState, type State } from "@berth/state";
import { openImageStore } from "../image-store.ts";
import type { ImageJobs } from "../jobs.ts";
import type { ImageEvent, ImageStore } from "../store.ts";
import { workerImageJobs } from "../worker-jobs.ts";

/** How tests start a worker: from sources. */
export const WORKER = [
  process.execPath,
  resolve(import.meta.dir, "../../../../apps/berth/src/main.ts"),
  "worker",
];

/** An image store on a data root of its own, with real workers. */
export class TestStore implements AsyncDisposable {
  readonly dataRoot: string;
  readonly state: State;
  readonly content: Content;
  readonly snapshots: Snapshots;
  readonly images: ImageStore;
  readonly events: ImageEvent[] = [];
  #removeRoot = true;

  private constructor(
    dataRoot: string,
    state: State,
    content: Content,
    snapshots: Snapshots,
    jobs: ImageJobs,
  ) {
    this.dataRoot = dataRoot;
    this.state = state;
    this.content = content;
    this.snapshots = snapshots;
    this.images = openImageStore({ dataRoot, state, content, snapshots, jobs });
    this.images.subscribe((event) => this.events.push(event));
  }

  static async open(
    options: { dataRoot?: string; jobs?: ImageJobs; open?: typeof openOverlaySnapshots } = {},
  ): Promise<TestStore> {
    const dataRoot = options.dataRoot ?? mkdtempSync(join(tmpdir(), "berth-image-"));
    const state = openState(join(dataRoot, "state.db"));
    const content = openContent(join(dataRoot, "content"));
    const open = options.open ?? openOverlaySnapshots;
    const snapshots = await open({ dataRoot, jobs: workerLayerJobs(WORKER) });
    return new TestStore(dataRoot, state, content, snapshots, options.jobs ?? workerImageJobs(WORKER));
  }

  /** As a daemon that was killed and started again. */
  async reopen(): Promise<TestStore> {
    this.#removeRoot = false;
    await this[Symbol.asyncDispose]();
    return await TestStore.open({ dataRoot: this.dataRoot });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.images[Symbol.asyncDispose]();
    await this.snapshots[Symbol.asyncDispose]();
    this.state.close();
    if (this.#removeRoot) rmSync(this.dataRoot, { recursive: true, force: true });
  }

  async load(tar: Uint8Array | ReadableStream<Uint8Array>, quiet = true): Promise<ProgressMessage[]> {
    const stream = tar instanceof Uint8Array ? streamOf(tar) : tar;
    return await collect(this.images.load(stream, { quiet }, never()));
  }

  async save(...names: string[]): Promise<Buffer> {
    return await bytesOf(await this.images.save(names, {}, never()));
  }

  /** Id of an image imported from a tar. */
  async import(tar: Uint8Array, name = "", changes: string[] = []): Promise<string> {
    const [repository = "", tag = ""] = name.split(":");
    const options = { repository, tag, message: "", changes };
    return (await collect(this.images.import(streamOf(tar), options, never()))).at(-1)!.status!;
  }
}

export const never = () => new AbortController().signal;

export async function collect<T>(messages: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const message of messages) all.push(message);
  return all;
}

export function streamOf(bytes: Uint8Array, piece = 65_536): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.subarray(at, at + piece));
      at += piece;
    },
  });
}

export async function bytesOf(stream: ReadableStream<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}
