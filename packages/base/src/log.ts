/** The daemon's own log: one line a record on stderr, in logrus' text form, which tools around dockerd read. */
export type LogLevel = "debug" | "info" | "warn" | "error";
const ORDER: readonly LogLevel[] = ["debug", "info", "warn", "error"];
let threshold: LogLevel = "info";

export function setLogLevel(level: LogLevel): void {
  threshold = level;
}

function emit(level: LogLevel, message: string, fields: Record<string, unknown>): void {
  if (ORDER.indexOf(level) < ORDER.indexOf(threshold)) return;
  let line = `time=${JSON.stringify(new Date().toISOString())} level=${level} msg=${JSON.stringify(message)}`;
  for (const [key, value] of Object.entries(fields)) {
    const text = value instanceof Error ? value.message : String(value);
    line += ` ${key}=${/^[\w.:/-]+$/.test(text) ? text : JSON.stringify(text)}`;
  }
  process.stderr.write(`${line}\n`);
}

export const log = {
  debug: (message: string, fields: Record<string, unknown> = {}) => emit("debug", message, fields),
  info: (message: string, fields: Record<string, unknown> = {}) => emit("info", message, fields),
  warn: (message: string, fields: Record<string, unknown> = {}) => emit("warn", message, fields),
  error: (message: string, fields: Record<string, unknown> = {}) => emit("error", message, fields),
};
