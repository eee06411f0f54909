import type { ProgressEvent } from "@berth/api/build";
import { isEnded, Steps, type StepView } from "./steps.ts";
import { seconds, size } from "./text.ts";

/** How long one step that says nothing keeps others from being shown. */
const QUIET_MS = 1000;
/** Between two lines of the same transfer. */
const STATUS_EVERY_NS = 1_000_000_000n;

/**
 * Progress as text, a line for each thing that happens: `#5 [2/3] RUN make`, `#5 0.123 output`, `#5 DONE 0.2s`. One step
 * at a time is shown; what others say is kept until it ends, or has been silent for long.
 */
export class PlainProgress {
  readonly steps: Steps;
  readonly #write: (text: string) => void;
  readonly #waiting = new Map<StepView, string[]>();
  readonly #lastStatus = new Map<string, bigint>();
  readonly #now: () => number;
  #shown: StepView | undefined;
  #spokeAt = 0;
  #any = false;

  constructor(write: (text: string) => void, steps = new Steps(), now: () => number = Date.now) {
    this.#write = write;
    this.#now = now;
    this.steps = steps;
  }

  event(event: ProgressEvent): void {
    for (const change of this.steps.take(event)) {
      const { step } = change;
      const own = `#${step.number}`;
      switch (change.kind) {
        case "begun":
          this.#say(step, `${own} ${step.vertex.name}\n`);
          break;
        case "status": {
          const { status } = change;
          const done = status.completed !== undefined;
          const last = this.#lastStatus.get(`${step.number} ${status.id}`);
          if (!done && last !== undefined && status.timestamp - last < STATUS_EVERY_NS) break;
          if (last === -1n) break;
          this.#lastStatus.set(`${step.number} ${status.id}`, done ? -1n : status.timestamp);
          this.#say(step, `${own} ${statusLine(status, done)}\n`);
          break;
        }
        case "log": {
          const from = step.vertex.started;
          const text = change.lines
            .map(
              (line) => `${own} ${seconds(from ?? line.timestamp, line.timestamp).toFixed(3)} ${line.text}\n`,
            )
            .join("");
          this.#say(step, text);
          break;
        }
        case "ended":
          this.#say(step, `${own} ${ending(step)}\n`);
          if (this.#shown === step) this.#shown = undefined;
          this.#release();
      }
    }
  }

  /** Shows what is still kept. */
  finish(): void {
    this.#shown = undefined;
    this.#release();
    for (const [step, texts] of this.#waiting) this.#show(step, texts.join(""));
    this.#waiting.clear();
  }

  #say(step: StepView, text: string): void {
    const now = this.#now();
    const free = this.#shown === undefined || this.#shown === step || now - this.#spokeAt > QUIET_MS;
    if (!free) {
      const kept = this.#waiting.get(step);
      if (kept === undefined) this.#waiting.set(step, [text]);
      else kept.push(text);
      return;
    }
    const kept = this.#waiting.get(step)?.join("") ?? "";
    this.#waiting.delete(step);
    this.#show(step, kept + text);
  }

  #show(step: StepView, text: string): void {
    if (this.#shown !== step) {
      if (this.#shown !== undefined && !isEnded(this.#shown.vertex))
        this.#write(`#${this.#shown.number} ...\n`);
      if (this.#any) this.#write("\n");
      if (!text.startsWith(`#${step.number} ${step.vertex.name}\n`)) {
        this.#write(`#${step.number} ${step.vertex.name}\n`);
      }
    }
    this.#any = true;
    this.#write(text);
    this.#shown = step;
    this.#spokeAt = this.#now();
  }

  /** The step that was shown ended: those that ended meanwhile, then one that runs. */
  #release(): void {
    if (this.#shown !== undefined) return;
    for (const [step, texts] of [...this.#waiting]) {
      if (!isEnded(step.vertex)) continue;
      this.#waiting.delete(step);
      this.#show(step, texts.join(""));
      this.#shown = undefined;
    }
    const [next] = this.#waiting;
    if (next === undefined || this.#shown !== undefined) return;
    this.#waiting.delete(next[0]);
    this.#show(next[0], next[1].join(""));
  }
}

export function ending(step: StepView): string {
  const { vertex } = step;
  if (vertex.error !== undefined) {
    return /context canceled|^cancel/i.test(vertex.error) ? "CANCELED" : `ERROR: ${vertex.error}`;
  }
  if (vertex.cached) return "CACHED";
  return `DONE ${seconds(vertex.started ?? 0n, vertex.completed ?? vertex.started ?? 0n).toFixed(1)}s`;
}

export function statusLine(
  status: {
    name: string;
    id: string;
    current: number;
    total: number;
    started?: bigint;
    completed?: bigint;
    timestamp: bigint;
  },
  done: boolean,
): string {
  let text = status.name || status.id;
  if (status.total > 0) text += ` ${size(status.current)} / ${size(status.total)}`;
  else if (status.current > 0) text += ` ${size(status.current)}`;
  if (status.started !== undefined) {
    const took = seconds(status.started, status.completed ?? status.timestamp);
    if (took >= 0.05) text += ` ${took.toFixed(1)}s`;
  }
  return done ? `${text} done` : text;
}
