import type { Progress, ProgressEvent } from "@berth/compose";
import type { Output } from "../io/output.ts";
import { warningLine } from "./project.ts";

/** Progress that ends: what is still to be written is written, and the drawing is left as it is. */
export interface ProgressView extends Progress {
  /** Where lines are drawn over again: writes something above them that stays. */
  above?(text: Uint8Array): Promise<void>;
  end(): Promise<void>;
}

/** One line an event, as Compose writes where stderr is no terminal. */
export class PlainProgress implements ProgressView {
  readonly #output: Output;
  readonly #last = new Map<string, string>();
  #text = "";
  #written: Promise<void> = Promise.resolve();

  constructor(output: Output) {
    this.#output = output;
  }

  event({ id, text, parent, status, detail }: ProgressEvent): void {
    // A layer's bytes are not told one by one.
    const key = `${parent ?? ""}/${id}`;
    if (parent !== undefined && this.#last.get(key) === text) return;
    this.#last.set(key, text);
    const isResource = /^(Container|Network|Volume|Image) /.test(id);
    if (isResource) this.#write(` ${id}  ${text}\n`);
    else this.#write(` ${id} ${text} ${status === "error" || status === "warning" ? (detail ?? "") : ""}\n`);
  }

  warn(message: string): void {
    this.#write(`${message.startsWith("Warning: ") ? message : warningLine(message)}\n`);
  }

  end(): Promise<void> {
    return this.#written;
  }

  /** What comes in one turn is written at once. */
  #write(line: string): void {
    if (this.#text === "") {
      this.#written = this.#written.then(async () => {
        const text = this.#text;
        this.#text = "";
        await this.#output.write(text);
      });
    }
    this.#text += line;
  }
}

/** Warnings only. */
export class QuietProgress extends PlainProgress {
  override event(): void {}
}

/** `--progress json`: one object a line. */
export class JsonProgress implements ProgressView {
  readonly #output: Output;
  #written: Promise<void> = Promise.resolve();

  constructor(output: Output) {
    this.#output = output;
  }

  event({ id, text, status, detail, parent, current, total }: ProgressEvent): void {
    const word = { working: "Working", done: "Done", warning: "Warning", error: "Error" }[status];
    this.#line({
      id,
      ...(parent !== undefined && { parent_id: parent }),
      status: word,
      text,
      ...(detail !== undefined && { details: detail }),
      ...(current !== undefined && { current }),
      ...(total !== undefined && { total }),
    });
  }

  warn(message: string): void {
    this.#line({ level: "warning", msg: message, time: new Date().toISOString() });
  }

  end(): Promise<void> {
    return this.#written;
  }

  #line(value: object): void {
    const before = this.#written;
    this.#written = before.then(() => this.#output.write(`${JSON.stringify(value)}\n`));
  }
}
