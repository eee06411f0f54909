import type { ProgressEvent } from "@berth/api/build";
import { statusLine } from "./plain.ts";
import { isEnded, Steps, type StepView } from "./steps.ts";
import { cut, harmless, padded, seconds } from "./text.ts";

const FRAME_MS = 100;
/** Lines of a running step's output that are shown. */
const LOG_LINES = 6;
const BLUE = "\x1b[34m";
const RED = "\x1b[31m";
const YELLOW = "\x1b[33m";
const PLAIN = "\x1b[0m";

export interface TerminalOptions {
  size(): { rows: number; columns: number };
  color: boolean;
  now?: () => number;
}

/** Progress as a picture that is drawn anew ten times a second: all steps, the output of those that run, durations. */
export class TerminalProgress {
  readonly steps: Steps;
  readonly #write: (text: string) => void;
  readonly #options: TerminalOptions;
  readonly #now: () => number;
  readonly #began: number;
  #timer: ReturnType<typeof setInterval> | undefined;
  #drawn = 0;

  constructor(write: (text: string) => void, options: TerminalOptions, steps = new Steps()) {
    this.#write = write;
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#began = this.#now();
    this.steps = steps;
  }

  event(event: ProgressEvent): void {
    this.steps.take(event);
    if (this.#timer !== undefined) return;
    this.#timer = setInterval(() => this.draw(), FRAME_MS);
    this.#timer.unref?.();
  }

  finish(): void {
    clearInterval(this.#timer);
    this.draw(true);
  }

  draw(last = false): void {
    const { rows, columns } = this.#options.size();
    const lines = last ? this.#picture(columns, true, 0) : this.#fitting(columns, Math.max(3, rows - 1));
    const up = this.#drawn > 0 ? `\x1b[${this.#drawn}A` : "";
    const rest = this.#drawn > lines.length ? "\x1b[J" : "";
    this.#write(`\x1b[?25l${up}\r${lines.map((line) => `${line}\x1b[K\n`).join("")}${rest}\x1b[?25h`);
    this.#drawn = last ? 0 : lines.length;
  }

  /** As many lines of output as there is room for; then what ended first makes room for what runs. */
  #fitting(columns: number, room: number): string[] {
    let lines: string[] = [];
    for (let output = LOG_LINES; output >= 1; output--) {
      lines = this.#picture(columns, false, output);
      if (lines.length <= room) return lines;
    }
    const ended = this.steps.all.filter(({ vertex }) => isEnded(vertex));
    for (let hidden = 1; hidden <= ended.length; hidden++) {
      lines = this.#picture(columns, false, 1, new Set(ended.slice(0, hidden)));
      if (lines.length <= room) return lines;
    }
    return [lines[0] as string, ...lines.slice(1 - room)];
  }

  #picture(columns: number, last: boolean, output: number, hidden?: ReadonlySet<StepView>): string[] {
    const { all, known } = this.steps;
    const ended = all.filter((step) => isEnded(step.vertex)).length;
    const elapsed = ((this.#now() - this.#began) / 1000).toFixed(1);
    const finished = last && ended === all.length ? " FINISHED" : "";
    const count = `(${ended}/${Math.max(known.size, all.length)})`;
    const lines = [this.#row(`[+] Building ${elapsed}s ${count}${finished}`, "", columns, "")];
    for (const step of all) if (!hidden?.has(step)) lines.push(...this.#step(step, columns, output));
    return lines;
  }

  #step(step: StepView, columns: number, output: number): string[] {
    const { vertex } = step;
    const now = BigInt(this.#now()) * 1_000_000n;
    const end = vertex.completed ?? (isEnded(vertex) ? (vertex.started ?? now) : now);
    const took = `${seconds(vertex.started ?? end, end).toFixed(1)}s`;
    const cancelled = /context canceled|^cancel/i.test(vertex.error ?? "");
    const mark =
      vertex.error !== undefined ? (cancelled ? "CANCELED " : "ERROR ") : vertex.cached ? "CACHED " : "";
    const color = !isEnded(vertex) ? "" : vertex.error === undefined ? BLUE : cancelled ? YELLOW : RED;
    const lines = [this.#row(` => ${mark}${harmless(vertex.name)}`, took, columns, color)];
    for (const status of step.statuses.values()) {
      const done = status.completed !== undefined;
      const { started: _, ...untimed } = status;
      const until = status.completed ?? status.timestamp;
      const time = status.started === undefined ? "" : `${seconds(status.started, until).toFixed(1)}s`;
      const text = statusLine(untimed as typeof status, false);
      lines.push(this.#row(` => => ${harmless(text)}`, time, columns, done ? BLUE : ""));
    }
    if (!isEnded(vertex) && output > 0) {
      // A line that has not ended is a progress bar, or a question.
      const texts = step.log.slice(-output).map(({ text }) => text);
      const begun = step.lines.begun;
      for (const text of [...texts, ...(begun === "" ? [] : [begun])].slice(-output))
        lines.push(this.#row(` => => # ${harmless(text)}`, "", columns, ""));
    }
    return lines;
  }

  #row(left: string, right: string, columns: number, color: string): string {
    const room = Math.max(10, columns - right.length - 1);
    const text = right === "" ? cut(left, room) : padded(cut(left, room), room);
    const row = right === "" ? text : `${text} ${right}`;
    return this.#options.color && color !== "" ? `${color}${row}${PLAIN}` : row;
  }
}
