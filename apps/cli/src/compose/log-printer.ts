import type { Output } from "../io/output.ts";

/** Colours of prefixes, one after another, as Compose gives them. */
const COLORS = ["36", "33", "32", "35", "34", "36;1", "33;1", "32;1", "35;1", "34;1"];
const NEWLINE = 10;

export interface LogPrinterOptions {
  color: boolean;
  prefix: boolean;
}

/** A container's lines, each behind its name; names are set to one width. */
export class LogPrinter {
  readonly #stdout: Output;
  readonly #stderr: Output;
  readonly #options: LogPrinterOptions;
  readonly #colors = new Map<string, string>();
  #width = 0;
  #above: ((text: Uint8Array) => Promise<void>) | undefined;

  constructor(stdout: Output, stderr: Output, options: LogPrinterOptions) {
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.#options = options;
  }

  /** What is printed goes above a progress that is drawn on the same terminal; undefined: it is over. */
  divert(above: ((text: Uint8Array) => Promise<void>) | undefined): void {
    this.#above = above;
  }

  #write(output: Output, text: Uint8Array): Promise<void> {
    return this.#above === undefined ? output.write(text) : this.#above(text);
  }

  /** Names get their colours and the width in this order. */
  register(name: string): void {
    if (this.#colors.has(name)) return;
    this.#colors.set(name, COLORS[this.#colors.size % COLORS.length]!);
    this.#width = Math.max(this.#width, name.length + 1);
  }

  /** A writer of one container's output; lines that come in pieces are kept until they are whole. */
  writer(name: string): LogWriter {
    this.register(name);
    return new LogWriter((stream, lines) => this.#print(name, stream, lines));
  }

  /** A sentence about a container: `web-1 exited with code 0`. */
  async status(name: string, message: string): Promise<void> {
    this.register(name);
    const line = `${this.#colored(name, `${name} ${message}`)}\n`;
    await this.#write(this.#stdout, new TextEncoder().encode(line));
  }

  #colored(name: string, text: string): string {
    return this.#options.color ? `\x1b[${this.#colors.get(name)}m${text}\x1b[0m` : text;
  }

  async #print(name: string, stream: "stdout" | "stderr", lines: Uint8Array[]): Promise<void> {
    const head = this.#options.prefix
      ? new TextEncoder().encode(this.#colored(name, `${name.padEnd(this.#width)} | `))
      : new Uint8Array(0);
    let length = 0;
    for (const line of lines) length += head.length + line.length + 1;
    const out = new Uint8Array(length);
    let at = 0;
    for (const line of lines) {
      out.set(head, at);
      out.set(line, at + head.length);
      at += head.length + line.length;
      out[at++] = NEWLINE;
    }
    await this.#write(stream === "stdout" ? this.#stdout : this.#stderr, out);
  }
}

const MOST_KEPT = 1 << 20;

export class LogWriter {
  readonly #print: (stream: "stdout" | "stderr", lines: Uint8Array[]) => Promise<void>;
  readonly #rest: { stdout: Uint8Array; stderr: Uint8Array } = {
    stdout: new Uint8Array(0),
    stderr: new Uint8Array(0),
  };

  constructor(print: (stream: "stdout" | "stderr", lines: Uint8Array[]) => Promise<void>) {
    this.#print = print;
  }

  async write(stream: "stdout" | "stderr", bytes: Uint8Array): Promise<void> {
    const lines: Uint8Array[] = [];
    let from = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, from)) {
      const tail = bytes.subarray(from, end);
      const rest = this.#rest[stream];
      lines.push(withoutReturn(rest.length > 0 ? joined(rest, tail) : tail));
      this.#rest[stream] = new Uint8Array(0);
      from = end + 1;
    }
    if (from < bytes.length) {
      this.#rest[stream] = joined(this.#rest[stream], bytes.subarray(from));
      // A program that never ends its line shall not fill our memory.
      if (this.#rest[stream].length > MOST_KEPT) {
        lines.push(this.#rest[stream]);
        this.#rest[stream] = new Uint8Array(0);
      }
    }
    if (lines.length > 0) await this.#print(stream, lines);
  }

  /** What is left without an end of line. */
  async flush(): Promise<void> {
    for (const stream of ["stdout", "stderr"] as const) {
      const rest = this.#rest[stream];
      this.#rest[stream] = new Uint8Array(0);
      if (rest.length > 0) await this.#print(stream, [rest]);
    }
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}

function withoutReturn(line: Uint8Array): Uint8Array {
  return line.at(-1) === 13 ? line.subarray(0, -1) : line;
}
