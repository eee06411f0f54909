import type { Flag, Flags } from "./flag.ts";

/** The list of flags for the help, wrapped to `width` columns. */
export function describeFlags(flags: Flags, width: number): string {
  const rows = Object.entries(flags)
    .filter(([, flag]) => !flag.hidden && flag.deprecated === undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, flag]) => ({ left: leftColumn(name, flag), right: rightColumn(flag) }));
  const column = Math.max(0, ...rows.map((row) => row.left.length)) + 3;
  return rows
    .map(({ left, right }) => {
      const room = width - column;
      const lines = right.split("\n").flatMap((line) => (room < 24 ? [line] : wrap(line, room)));
      return left.padEnd(column) + lines.join(`\n${" ".repeat(column)}`);
    })
    .join("\n");
}

function leftColumn(name: string, flag: Flag<unknown>): string {
  const shorthand = flag.shorthand === undefined ? "    " : `-${flag.shorthand}, `;
  return `  ${shorthand}--${name}${flag.type === "" ? "" : ` ${flag.type}`}`;
}

function rightColumn(flag: Flag<unknown>): string {
  return flag.defaultText === undefined ? flag.help : `${flag.help} (default ${flag.defaultText})`;
}

/** Breaks a line between words. */
export function wrap(line: string, width: number): string[] {
  const lines: string[] = [];
  let current = "";
  for (const word of line.split(" ")) {
    if (current !== "" && current.length + 1 + word.length > width) {
      lines.push(current);
      current = word;
    } else current = current === "" ? word : `${current} ${word}`;
  }
  lines.push(current);
  return lines;
}
