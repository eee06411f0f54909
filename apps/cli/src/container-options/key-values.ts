import { lazyNode } from "../lazy-node.ts";

type Environment = Readonly<Record<string, string | undefined>>;

const MOST_BYTES = 16 << 20;

/**
 * Lines `KEY=value` of files, then those of the command line. A bare `KEY` in a file gets its value from `lookup`, and is
 * left out when there is none.
 * @throws Error in Docker's words.
 */
export function readKeyValues(
  files: readonly string[],
  given: readonly string[],
  lookup?: (key: string) => string | undefined,
): string[] {
  return [...files.flatMap((file) => readKeyValueFile(file, lookup)), ...given];
}

/** `KEY=value` pairs as a map: later ones win, a bare key has an empty value. */
export function toMap(pairs: readonly string[]): Record<string, string> {
  const map: Record<string, string> = {};
  for (const pair of pairs) {
    const at = pair.indexOf("=");
    map[at < 0 ? pair : pair.slice(0, at)] = at < 0 ? "" : pair.slice(at + 1);
  }
  return map;
}

function readKeyValueFile(path: string, lookup?: (key: string) => string | undefined): string[] {
  let bytes: Buffer;
  try {
    bytes = lazyNode.fs.readFileSync(path);
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    const reason =
      code === "ENOENT"
        ? "no such file or directory"
        : code === "EACCES"
          ? "permission denied"
          : code === "EISDIR"
            ? "is a directory"
            : message;
    throw new Error(`${code === "EISDIR" ? "read" : "open"} ${path}: ${reason}`);
  }
  const wrong = (message: string) => new Error(`invalid env file (${path}): ${message}`);
  if (bytes.length > MOST_BYTES) throw wrong("it is too long");
  const found: string[] = [];
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
  let number = 0;
  for (let start = 0; start < bytes.length; ) {
    const newline = bytes.indexOf(10, start);
    const end = newline < 0 ? bytes.length : newline;
    number++;
    const raw = bytes.subarray(start, end);
    start = end + 1;
    let line: string;
    try {
      line = decoder.decode(raw);
    } catch {
      throw wrong(`invalid utf8 bytes at line ${number}: [${[...raw].join(" ")}]`);
    }
    line = line.replace(/\r$/, "").trimStart();
    if (line === "" || line.startsWith("#")) continue;
    const at = line.indexOf("=");
    const key = (at < 0 ? line : line.slice(0, at)).trimStart();
    if (key === "") throw wrong(`no variable name on line '${line}'`);
    if (/\s/.test(key)) throw wrong(`variable '${key}' contains whitespaces`);
    if (at >= 0) found.push(`${key}=${line.slice(at + 1)}`);
    else {
      const value = lookup?.(key.trim());
      if (value !== undefined) found.push(`${key.trim()}=${value}`);
    }
  }
  return found;
}

/** One `-e`: a bare name takes the value that it has here, if any. @throws Error in Docker's words. */
export function resolveEnvironment(text: string, environment: Environment): string {
  const at = text.indexOf("=");
  if (text === "" || at === 0) throw new Error(`invalid environment variable: ${text}`);
  if (at > 0) return text;
  const value = environment[text];
  return value === undefined ? text : `${text}=${value}`;
}

/** @throws Error in Docker's words. */
export function checkLabel(text: string): string {
  if (text === "" || text.startsWith("=")) throw new Error(`invalid label '${text}': empty name`);
  return text;
}
