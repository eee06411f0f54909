import { isAscii } from "./text.ts";

export interface ColumnOptions {
  /** Least width of a column, with its padding. */
  least: number;
  /** Spaces after the widest cell. */
  padding: number;
}

/** As Docker's formatters set their tables. */
export const TABLE: ColumnOptions = { least: 10, padding: 3 };

/**
 * Sets text in columns: cells are ended by tabs, and neighbouring lines with a cell in a column share its width. What
 * follows a line's last tab is no cell (Go's text/tabwriter).
 */
export function alignColumns(text: string, options: ColumnOptions = TABLE): string {
  const lines = text.split("\n").map((line) => line.split("\t"));
  const widths: number[][] = lines.map(() => []);
  const most = Math.max(...lines.map((cells) => cells.length - 1));
  for (let column = 0; column < most; column++) {
    for (let first = 0; first < lines.length; ) {
      if (lines[first]!.length - 1 <= column) {
        first++;
        continue;
      }
      let width = options.least;
      let end = first;
      for (; end < lines.length && lines[end]!.length - 1 > column; end++) {
        width = Math.max(width, length(lines[end]![column]!) + options.padding);
      }
      for (let line = first; line < end; line++) widths[line]![column] = width;
      first = end;
    }
  }
  return lines
    .map((cells, line) =>
      cells
        .map((cell, column) =>
          column === cells.length - 1 ? cell : cell + " ".repeat(widths[line]![column]! - length(cell)),
        )
        .join(""),
    )
    .join("\n");
}

function length(cell: string): number {
  return isAscii(cell) ? cell.length : [...cell].length;
}
