import type { PlannedText } from "@berth/api/build";

/** Known to every RUN without an ARG, in capitals or not. */
const PROXIES = new Set(["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"]);

/** Of the build arguments that were given, in order of their names, those that no ARG declares: they were given in vain. */
export function unconsumedArguments(plan: readonly PlannedText[], given: readonly string[]): string[] {
  const declared = new Set(plan.flatMap(({ text }) => declaredBy(text)));
  const isProxy = (name: string) => PROXIES.has(name.toUpperCase()) && /^(?:[A-Z_]+|[a-z_]+)$/.test(name);
  return given.filter((name) => !declared.has(name) && !isProxy(name)).sort();
}

function declaredBy(text: string): string[] {
  const [, words] = /^ARG\s+(.*)$/is.exec(text) ?? [];
  if (words === undefined) return [];
  // Values may be quoted, and have blanks in them.
  const bare = words.replace(/\\.|"(?:\\.|[^"\\])*"|'[^']*'/gs, "");
  return bare.split(/\s+/).map((word) => word.split("=", 1)[0] as string);
}
