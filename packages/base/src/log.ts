/** A program's own log: one line a record on stderr, in logrus' forms; the text is what tools around dockerd read. */
export type LogFormat = "text" | "json" | "logstash";
export type LogLevel = "debug" | "info" | "warn" | "error";
const ORDER: readonly LogLevel[] = ["debug", "info", "warn", "error"];
let threshold: LogLevel = "info";

export function setLogLevel(level: LogLevel): void {
  threshold = level;
}

let format: LogFormat = "text";
let standing: Record<string, unknown> = {};

/** @param fields of every record. */
export function setLogFormat(to: LogFormat, fields: Record<string, unknown> = {}): void {
  format = to;
  standing = fields;
}

const textOf = (value: unknown): string => (value instanceof Error ? value.message : String(value));

function record(level: LogLevel, message: string, fields: Record<string, unknown>): string {
  const time = new Date().toISOString();
  if (format !== "text") {
    const texts = Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, textOf(value)]));
    return JSON.stringify(
      format === "json"
        ? { ...texts, level, msg: message, time }
        : { ...texts, "@timestamp": time, "@version": "1", level, message },
    );
  }
  let line = `time=${JSON.stringify(time)} level=${level} msg=${JSON.stringify(message)}`;
  for (const [key, value] of Object.entries(fields)) {
    const text = textOf(value);
    line += ` ${key}=${/^[\w.:/-]+$/.test(text) ? text : JSON.stringify(text)}`;
  }
  return line;
}

function emit(level: LogLevel, message: string, fields: Record<string, unknown>): void {
  if (ORDER.indexOf(level) < ORDER.indexOf(threshold)) return;
  process.stderr.write(`${record(level, message, { ...standing, ...fields })}\n`);
}

export const log = {
  debug: (message: string, fields: Record<string, unknown> = {}) => emit("debug", message, fields),
  info: (message: string, fields: Record<string, unknown> = {}) => emit("info", message, fields),
  warn: (message: string, fields: Record<string, unknown> = {}) => emit("warn", message, fields),
  error: (message: string, fields: Record<string, unknown> = {}) => emit("error", message, fields),
};
