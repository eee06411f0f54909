import { readFileSync } from "node:fs";

/** PRETTY_NAME and VERSION_ID of os-release(5). */
export function parseOsRelease(text: string): { name: string; version: string } {
  const values = new Map<string, string>();
  for (const line of text.split("\n")) {
    const match = /^([A-Z_]+)=(.*)$/.exec(line.trim());
    if (match) values.set(match[1]!, unquote(match[2]!));
  }
  return { name: values.get("PRETTY_NAME") || "Linux", version: values.get("VERSION_ID") ?? "" };
}

function unquote(text: string): string {
  const quote = text[0];
  if ((quote !== '"' && quote !== "'") || !text.endsWith(quote) || text.length < 2) return text;
  return text.slice(1, -1).replace(/\\(["'\\$`])/g, "$1");
}

export function readOsRelease(): { name: string; version: string } {
  for (const path of ["/etc/os-release", "/usr/lib/os-release"]) {
    try {
      return parseOsRelease(readFileSync(path, "utf8"));
    } catch {
      // The next one.
    }
  }
  return parseOsRelease("");
}
