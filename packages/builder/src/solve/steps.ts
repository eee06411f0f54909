import type { ProgressSink, SourceExcerpt, StepExplanation, Vertex } from "@berth/api/build";
import { type Digest, messageOf, nowNanoseconds, sha256 } from "@berth/base";
import type { LogPiece, StepLog } from "../exec/step-log.ts";

/** A step as the progress shows it. */
export class Step {
  readonly #report: ProgressSink;
  #vertex: Vertex;
  #statuses = new Map<string, bigint>();
  readonly onChange: (vertex: Vertex) => void;

  constructor(vertex: Vertex, report: ProgressSink, onChange: (vertex: Vertex) => void) {
    this.#vertex = vertex;
    this.#report = report;
    this.onChange = onChange;
    this.#tell({});
  }

  get vertex(): Vertex {
    return this.#vertex;
  }

  start(): void {
    if (this.#vertex.started === undefined) this.#tell({ started: nowNanoseconds() });
  }

  done(facts: { cached?: boolean; reason?: string; result?: string } = {}): void {
    const now = nowNanoseconds();
    this.#tell({ started: this.#vertex.started ?? now, completed: now, ...facts });
  }

  fail(error: unknown): void {
    const now = nowNanoseconds();
    this.#tell({ started: this.#vertex.started ?? now, completed: now, error: messageOf(error) });
  }

  because(reason: string): void {
    this.#tell({ reason });
  }

  /** Part of it: `id` says which; `total` 0 is unknown. */
  status(id: string, current: number, total: number, completed = false): void {
    const timestamp = nowNanoseconds();
    const started = this.#statuses.get(id) ?? timestamp;
    this.#statuses.set(id, started);
    this.#report({
      type: "status",
      status: {
        id,
        vertex: this.#vertex.digest,
        name: id,
        current,
        total,
        timestamp,
        started,
        ...(completed && { completed: timestamp }),
      },
    });
  }

  log({ stream, data, timestamp }: LogPiece): void {
    this.#report({ type: "log", log: { vertex: this.#vertex.digest, stream, data, timestamp } });
  }

  say(line: string, stream: 1 | 2 = 2): void {
    this.log({ stream, data: new Uint8Array(Buffer.from(`${line}\n`)), timestamp: nowNanoseconds() });
  }

  /** Passes on what a step writes that several builds may wait for. */
  follow(log: StepLog): Disposable {
    const listener = (piece: LogPiece) => this.log(piece);
    log.listen(listener);
    return { [Symbol.dispose]: () => log.forget(listener) };
  }

  #tell(change: Partial<Vertex>): void {
    this.#vertex = { ...this.#vertex, ...change };
    this.onChange(this.#vertex);
    this.#report({ type: "vertex", vertex: this.#vertex });
  }
}

/** The steps of one build. */
export class Steps {
  readonly #report: ProgressSink;
  readonly #vertices = new Map<Digest, Vertex>();
  #counter = 0;

  constructor(report: ProgressSink) {
    this.#report = report;
  }

  /** `identity` tells steps of one name apart; the same one always has the same digest. */
  add(
    name: string,
    options: { inputs?: readonly Digest[]; identity?: string; step?: Vertex["step"] } = {},
  ): Step {
    const digest = sha256(`${name}\n${options.identity ?? `#${this.#counter++}`}`);
    const vertex: Vertex = {
      digest,
      name,
      inputs: options.inputs ?? [],
      cached: false,
      ...(options.step && { step: options.step }),
    };
    return new Step(vertex, this.#report, (changed) => void this.#vertices.set(digest, changed));
  }

  /** Runs `work` as a step of its own. */
  async run<T>(name: string, work: (step: Step) => Promise<T>, identity?: string): Promise<T> {
    const step = this.add(name, identity === undefined ? {} : { identity });
    step.start();
    try {
      const result = await work(step);
      step.done();
      return result;
    } catch (error) {
      step.fail(error);
      throw error;
    }
  }

  warn(vertex: Digest, short: string, detail: readonly string[], url?: string, source?: SourceExcerpt): void {
    this.#report({
      type: "warning",
      warning: { vertex, level: 1, short, detail, ...(url && { url }), ...(source && { source }) },
    });
  }

  vertices(): Vertex[] {
    return [...this.#vertices.values()];
  }

  /** Instructions only, in the order of their vertices. */
  explanations(): StepExplanation[] {
    return this.vertices()
      .filter((vertex) => vertex.step !== undefined)
      .map((vertex) => ({
        vertex: vertex.digest,
        name: vertex.name,
        cached: vertex.cached,
        reason: vertex.reason ?? "",
        duration:
          vertex.cached || vertex.started === undefined || vertex.completed === undefined
            ? 0
            : Number((vertex.completed - vertex.started) / 1_000_000n),
      }));
  }
}
