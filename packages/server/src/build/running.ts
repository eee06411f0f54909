import type { BuildRequest, BuildResult, ProgressEvent, Vertex } from "@berth/api/build";
import { cancelled, notFound } from "@berth/base";
import type { BuildBackend } from "./backend.ts";
import { ProgressQueue } from "./progress-queue.ts";

/** How long a request for progress waits for its build: clients send both at once. */
const APPEARS_WITHIN_MS = 5_000;
/** Events that are kept until the first reader comes. */
const KEPT = 10_000;
/** How long they are kept after the end: a build may fail before the client's request for its progress is here. */
const READABLE_FOR_MS = 10_000;

/** A build under a name, whose progress others may read. */
export class Running {
  readonly #controller = new AbortController();
  readonly #readers = new Set<ProgressQueue>();
  readonly #vertices = new Map<string, Vertex>();
  #early: ProgressEvent[] | undefined = [];
  #ended = false;

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get hasEnded(): boolean {
    return this.#ended;
  }

  get wasRead(): boolean {
    return this.#early === undefined;
  }

  cancel(): void {
    this.#controller.abort(cancelled("context canceled"));
  }

  report(event: ProgressEvent): void {
    if (event.type === "vertex") this.#vertices.set(event.vertex.digest, event.vertex);
    if (this.#early !== undefined && this.#early.length < KEPT) this.#early.push(event);
    for (const reader of this.#readers) reader.push(event);
  }

  /**
   * What was, and what comes; later readers get the steps as they are now without their old logs. `limit`: see `ProgressQueue`.
   */
  read(limit?: number): ProgressQueue {
    const queue = new ProgressQueue(limit);
    const past =
      this.#early ?? [...this.#vertices.values()].map((vertex) => ({ type: "vertex" as const, vertex }));
    this.#early = undefined;
    for (const event of past) queue.push(event);
    if (this.#ended) queue.end();
    else this.#readers.add(queue);
    return queue;
  }

  forget(queue: ProgressQueue): void {
    this.#readers.delete(queue);
  }

  end(): void {
    this.#ended = true;
    for (const reader of this.#readers) reader.end();
    this.#readers.clear();
  }
}

/** The builds that run now, by the names that their clients gave them. */
export class RunningBuilds {
  readonly #builder: BuildBackend;
  readonly #running = new Map<string, Running>();
  readonly #waiting = new Map<string, Set<(running: Running) => void>>();

  constructor(builder: BuildBackend) {
    this.#builder = builder;
  }

  /** Makes the name known before anything is built, so that progress can be read from the start. */
  begin(ref: string): Running {
    const known = this.#running.get(ref);
    if (known?.hasEnded === false) return known;
    const running = new Running();
    this.#running.set(ref, running);
    for (const resolve of this.#waiting.get(ref) ?? []) resolve(running);
    this.#waiting.delete(ref);
    return running;
  }

  /** What nobody has read yet can still be found for a while. */
  end(ref: string): void {
    const running = this.#running.get(ref);
    running?.end();
    const forget = () => {
      if (this.#running.get(ref) === running) this.#running.delete(ref);
    };
    if (running?.wasRead === false) setTimeout(forget, READABLE_FOR_MS).unref();
    else forget();
  }

  /** One that has not ended. */
  get(ref: string): Running | undefined {
    const running = this.#running.get(ref);
    return running?.hasEnded ? undefined : running;
  }

  build(request: BuildRequest, running: Running, signal: AbortSignal): Promise<BuildResult> {
    const either = AbortSignal.any([signal, running.signal]);
    return this.#builder.build(request, (event) => running.report(event), either);
  }

  /** @throws not-found when it does not appear soon. */
  async find(ref: string): Promise<Running> {
    const known = this.#running.get(ref);
    if (known !== undefined) return known;
    const { promise, resolve, reject } = Promise.withResolvers<Running>();
    const waiting = this.#waiting.get(ref) ?? new Set();
    this.#waiting.set(ref, waiting.add(resolve));
    const timer = setTimeout(() => reject(notFound(`no such job ${ref}`)), APPEARS_WITHIN_MS);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      waiting.delete(resolve);
    }
  }
}
