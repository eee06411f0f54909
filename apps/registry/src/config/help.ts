import { environmentName, OPTION_LIST } from "./options.ts";

const COLUMN = 30;

/** `berth registry serve --help`. */
export function serveHelp(): string {
  const lines = OPTION_LIST.filter(([, { flag }]) => flag !== "").map(([, option]) => {
    const { path, flag, kind, fallback, help } = option;
    const left = `      --${flag} ${kind.word}`.trimEnd();
    const standard =
      fallback === "" ||
      fallback === 0 ||
      fallback === false ||
      (typeof fallback === "object" && Object.keys(fallback as object).length === 0)
        ? ""
        : ` (default ${shown(kind.word, fallback)})`;
    return `${left.padEnd(COLUMN)} ${help}${standard}\n${" ".repeat(COLUMN + 1)}${environmentName(path)}`;
  });
  return `
Usage:  berth registry serve [OPTIONS] [CONFIG-FILE]

Serve images to any client of the OCI distribution API.

Every option is also a variable of the environment, and a key of the configuration file (YAML or JSON, in the form of
Docker's registry; log.fields, health and notifications are for the file). SIGHUP reads the configuration again, SIGTERM lets requests end.

Options:
${`      --config string`.padEnd(COLUMN)} Configuration file
${lines.join("\n")}
`;
}

function shown(word: string, value: unknown): string {
  if (word !== "duration" || typeof value !== "number") return String(value);
  if (value % 3_600_000 === 0) return `${value / 3_600_000}h`;
  return value % 60_000 === 0 ? `${value / 60_000}m` : `${value / 1000}s`;
}
