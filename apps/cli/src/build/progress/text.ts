const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** `1.25MB`: three digits that matter. */
export function size(bytes: number): string {
  let value = bytes;
  let unit = 0;
  for (; value >= 1000 && unit < UNITS.length - 1; unit++) value /= 1000;
  const digits = unit === 0 ? 0 : value < 10 ? 2 : value < 100 ? 1 : 0;
  return `${unit === 0 ? value : value.toFixed(digits).replace(/\.?0+$/, "")}${UNITS[unit]}`;
}

/** Nanoseconds between two moments as seconds. */
export function seconds(from: bigint, to: bigint): number {
  return Math.max(0, Number(to - from) / 1e9);
}

/** What a terminal would act on: escape sequences and control characters of a step's output. */
export function harmless(line: string): string {
  return (
    line
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out.
      .replace(/\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07]*(?:\x07|\x1b\\)|[@-_])/g, "")
      .replaceAll("\t", "        ")
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out.
      .replace(/[\x00-\x1f\x7f]/g, "")
  );
}

/** What fits into so many columns of a terminal, in which some letters take two. */
export function cut(text: string, columns: number): string {
  if (text.length <= columns / 2 || Bun.stringWidth(text) <= columns) return text;
  let width = 0;
  let end = 0;
  for (const letter of text) {
    width += Bun.stringWidth(letter);
    if (width > columns - 3) break;
    end += letter.length;
  }
  return `${text.slice(0, end)}...`;
}

export function padded(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - Bun.stringWidth(text)));
}

/** Cuts bytes of a step into lines; the rest is kept until it is complete. A carriage return begins its line anew. */
export class Lines {
  readonly #decoder = new TextDecoder();
  #rest = "";

  push(data: Uint8Array): string[] {
    const parts = (this.#rest + this.#decoder.decode(data, { stream: true })).split("\n");
    this.#rest = parts.pop() ?? "";
    return parts.map(lastWritten);
  }

  /** The line that has not ended, as a terminal would show it now. */
  get begun(): string {
    return lastWritten(this.#rest);
  }

  end(): string[] {
    const rest = this.#rest + this.#decoder.decode();
    this.#rest = "";
    return rest === "" ? [] : [lastWritten(rest)];
  }
}

function lastWritten(line: string): string {
  const end = line.endsWith("\r") ? line.slice(0, -1) : line;
  return end.slice(end.lastIndexOf("\r") + 1);
}
