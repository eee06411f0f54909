import { OPTION_LIST } from "./options.ts";

const TEXT_COLUMN = 44;
const WIDTH = 100;

/** `berth daemon --help`. */
export function helpText(): string {
  const lines = OPTION_LIST.filter(([, { flag }]) => flag !== "")
    .sort(([, a], [, b]) => (a.flag < b.flag ? -1 : 1))
    .flatMap(([, { flag, short, kind, fallback, text, supported }]) => {
      const names = `  ${short === undefined ? "    " : `-${short}, `}--${flag} ${kind.word}`;
      const shown = kind.show(fallback);
      const standard = ["", "0", "false", "[]", "map[]"].includes(shown)
        ? ""
        : ` (default ${quoted(fallback, shown)})`;
      const later = supported ? "" : " (not supported yet)";
      return wrap(names, text + standard + later);
    });
  return `\nUsage:  berth daemon [OPTIONS]\n\nThe engine: serves the Engine API and runs containers.\n\nOptions:\n${lines.join("\n")}\n`;
}

function quoted(value: unknown, shown: string): string {
  return typeof value === "string" ? JSON.stringify(shown) : shown;
}

function wrap(names: string, text: string): string[] {
  const lines: string[] = [];
  let line = names.length < TEXT_COLUMN ? names.padEnd(TEXT_COLUMN) : `${names} `;
  for (const word of text.split(" ")) {
    if (line.length + word.length > WIDTH) {
      lines.push(line.trimEnd());
      line = " ".repeat(TEXT_COLUMN);
    }
    line += `${word} `;
  }
  return [...lines, line.trimEnd()];
}
