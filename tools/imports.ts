/** Finds the import statements of a TypeScript module, without resolving or running anything. */

export interface Import {
  /** As written: `@berth/base`, `./tar.ts`, `node:fs`. */
  module: string;
  /** 1-based. */
  line: number;
  /** `import type` or `export type`: gone when the program runs. */
  typeOnly: boolean;
  /** `import()`: loaded when it is reached. */
  dynamic: boolean;
}

const NAMES = String.raw`(?:\*(?:\s*as\s+\w+)?|\{[^}]*\}|\w+(?:\s*,\s*(?:\{[^}]*\}|\*\s*as\s+\w+))?)`;
const FROM = new RegExp(
  String.raw`^[ \t]*(?:import|export)\s+(type\s+(?!from\b))?${NAMES}\s*from\s*(["'])([^"'\n]+)\2`,
  "gm",
);
const BARE = /^[ \t]*import\s*(["'])([^"'\n]+)\1/gm;
const CALL = /\b(?:import|require)\(\s*(["'])([^"'\n]+)\1\s*\)/g;
const STRING_COMMENT_OR_TEMPLATE =
  /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|\/\/[^\n]*|\/\*[\s\S]*?\*\/|`(?:\\[\s\S]|[^`\\])*`/g;

/** Blanks out comments and template literals, keeping line breaks: examples in them are no imports. */
function withoutCommentsAndTemplates(source: string): string {
  return source.replace(STRING_COMMENT_OR_TEMPLATE, (text) =>
    text.startsWith('"') || text.startsWith("'") ? text : text.replace(/[^\n]/g, " "),
  );
}

export function importsOf(source: string): Import[] {
  const code = withoutCommentsAndTemplates(source);
  const found: Import[] = [];
  const add = (match: RegExpExecArray, module: string, typeOnly: boolean, dynamic: boolean): void => {
    const line = code.slice(0, match.index + match[0].length).split("\n").length;
    found.push({ module, line, typeOnly, dynamic });
  };
  for (const match of code.matchAll(FROM)) add(match, match[3]!, match[1] !== undefined, false);
  for (const match of code.matchAll(BARE)) add(match, match[2]!, false, false);
  for (const match of code.matchAll(CALL)) add(match, match[2]!, false, true);
  return found.sort((a, b) => a.line - b.line);
}
