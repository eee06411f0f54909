import type { ProgressEvent } from "@berth/compose";
import type { Output } from "../io/output.ts";
import type { ProgressView } from "./progress-plain.ts";
import { warningLine } from "./project.ts";

interface Line {
  event: ProgressEvent;
  began: number;
  ended: number | undefined;
}

const SPINNER = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const REDRAW_MS = 100;
const COLOR = { working: "34", done: "32", warning: "33", error: "31" } as const;

/**
 * Lines that are drawn over again: `[+] Running 2/3` and below it one for each thing,
 * ` ✔ Container shop-web-1  Started  0.3s`. Layers of images show below their service while it is pulled.
 */
export class TerminalProgress implements ProgressView {
  readonly #output: Output;
  readonly #title: string;
  readonly #size: () => { rows: number; columns: number } | undefined;
  readonly #color: boolean;
  readonly #lines = new Map<string, Line>();
  #drawn = 0;
  #frame = 0;
  #timer: ReturnType<typeof setInterval> | undefined;
  #before: (string | Uint8Array)[] = [];
  #written: Promise<void> = Promise.resolve();

  constructor(
    output: Output,
    options: { title: string; color: boolean; size: () => { rows: number; columns: number } | undefined },
  ) {
    this.#output = output;
    this.#title = options.title;
    this.#color = options.color;
    this.#size = options.size;
  }

  event(event: ProgressEvent): void {
    const key = event.parent === undefined ? event.id : `${event.parent}/${event.id}`;
    const now = performance.now();
    const known = this.#lines.get(key);
    const ended = event.status === "working" ? undefined : (known?.ended ?? now);
    // A container that is created and then started counts on from its first event.
    this.#lines.set(key, { event, began: known?.began ?? now, ended });
    this.#timer ??= setInterval(() => this.#draw(), REDRAW_MS);
    this.#timer.unref();
  }

  warn(message: string): void {
    this.#before.push(`${message.startsWith("Warning: ") ? message : warningLine(message)}\n`);
    this.#draw();
  }

  above(text: Uint8Array): Promise<void> {
    this.#before.push(text);
    this.#draw();
    return this.#written;
  }

  async end(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (this.#lines.size > 0 || this.#before.length > 0) this.#draw();
    this.#drawn = 0;
    this.#lines.clear();
    await this.#written;
  }

  #draw(): void {
    const { rows = 24, columns = 80 } = this.#size() ?? {};
    this.#frame++;
    const all = [...this.#lines.values()];
    const top = all.filter(({ event }) => event.parent === undefined);
    const done = top.filter(({ ended }) => ended !== undefined).length;
    const shown: Line[] = [];
    for (const line of top) {
      shown.push(line);
      if (line.ended === undefined) {
        shown.push(...all.filter(({ event }) => event.parent === line.event.id).slice(-6));
      }
    }
    const room = Math.max(1, rows - 2);
    const visible =
      shown.length > room ? shown.filter((line) => line.ended === undefined).slice(-room) : shown;
    const header = `[+] ${this.#title} ${done}/${top.length}`;
    const width = Math.max(0, ...visible.map(({ event }) => label(event).length));
    const lines = [header, ...visible.map((line) => this.#line(line, width, columns))];
    const up = this.#drawn > 0 ? `\x1b[${this.#drawn}A` : "";
    const parts = [`${up}\x1b[J`, ...this.#before, top.length > 0 ? `${lines.join("\n")}\n` : ""];
    this.#before = [];
    this.#drawn = top.length > 0 ? lines.length : 0;
    this.#written = this.#written.then(() => this.#output.write(joined(parts))).catch(() => {});
  }

  #line({ event, began, ended }: Line, width: number, columns: number): string {
    const seconds = `${(((ended ?? performance.now()) - began) / 1000).toFixed(1)}s`;
    const mark =
      event.status === "working"
        ? SPINNER[this.#frame % SPINNER.length]!
        : { done: "✔", warning: "!", error: "✘" }[event.status];
    const { current, total } = event;
    const amount = current !== undefined && total ? ` ${bar(current / total)}` : "";
    const words = `${event.text}${amount}${event.detail !== undefined ? ` ${event.detail}` : ""}`;
    const indent = event.parent === undefined ? " " : "   ";
    const head = `${indent}${mark} ${label(event).padEnd(width)}  `;
    const space = columns - head.length - seconds.length - 2;
    const body = words.length > space ? words.slice(0, Math.max(0, space)) : words;
    const gap = " ".repeat(Math.max(1, columns - head.length - body.length - seconds.length - 1));
    if (!this.#color) return `${head}${body}${gap}${seconds}`;
    const code = COLOR[event.status];
    return `${indent}\x1b[${code}m${mark}\x1b[0m ${label(event).padEnd(width)}  \x1b[${code}m${body}\x1b[0m${gap}\x1b[34m${seconds}\x1b[0m`;
  }
}

function label({ id }: ProgressEvent): string {
  return id;
}

function bar(part: number): string {
  const full = Math.max(0, Math.min(20, Math.round(part * 20)));
  return `[${"=".repeat(full)}${full < 20 ? ">" : ""}${" ".repeat(Math.max(0, 19 - full))}]`;
}

function joined(parts: readonly (string | Uint8Array)[]): string | Uint8Array {
  if (parts.every((part) => typeof part === "string")) return parts.join("");
  return new Uint8Array(Buffer.concat(parts.map((part) => Buffer.from(part as Uint8Array))));
}
