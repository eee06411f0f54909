import { jsonLines } from "@berth/client";
import type { Context } from "../context.ts";
import { CommandError } from "../errors.ts";
import { humanSize4 } from "./sizes.ts";

/** One line of a pull's, load's or import's progress. */
export interface ProgressMessage {
  stream?: string;
  status?: string;
  id?: string;
  progressDetail?: { current?: number; total?: number; units?: string; hidecounts?: boolean };
  /** Older daemons: the bar, drawn by them. */
  progress?: string;
  error?: string;
  errorDetail?: { code?: number; message?: string };
  aux?: unknown;
}

/** Terminals that no cursor is moved beyond. */
const MOST_LINES = 10_000;

/**
 * Shows the progress of `response` on stdout: on a terminal each id has its line, which is written anew; otherwise a
 * line for each change of state.
 * @throws CommandError with the message of an error that the daemon sent.
 */
export async function showProgress(
  context: Context,
  response: AsyncIterable<Uint8Array>,
  options: { quiet?: boolean } = {},
): Promise<void> {
  const isTerminal = !options.quiet && (await context.isTerminal(1));
  const columns = isTerminal ? await terminalColumns() : 0;
  const lines = new Map<string, number>();
  for await (const message of jsonLines<ProgressMessage>(response)) {
    if (message.error || message.errorDetail) {
      throw new CommandError(message.errorDetail?.message || message.error || "unknown error");
    }
    if (options.quiet || (message.status === undefined && message.stream === undefined)) continue;
    await context.stdout.write(isTerminal ? terminalText(message, lines, columns) : plainText(message));
  }
}

/** Nothing for mere counters. */
export function plainText(message: ProgressMessage): string {
  if (message.stream !== undefined) return message.stream;
  const { current = 0, total = 0 } = message.progressDetail ?? {};
  if (current > 0 || total > 0 || message.progress) return "";
  return `${message.id ? `${message.id}: ` : ""}${message.status ?? ""}\n`;
}

/** `lines`: which line each id has, counted from the first. */
export function terminalText(message: ProgressMessage, lines: Map<string, number>, columns: number): string {
  if (message.stream !== undefined && message.stream !== "") return message.stream;
  const bar = progressBar(message, columns);
  const text = `${message.id ? `${message.id}: ` : ""}${message.status ?? ""}${bar === "" ? "" : ` ${bar}`}`;
  if (!message.id) {
    // What comes without an id ends the block of lines above it.
    lines.clear();
    return `\x1b[2K${text}${bar === "" ? "\n" : "\r"}`;
  }
  const known = lines.get(message.id);
  if (known === undefined && lines.size < MOST_LINES) {
    lines.set(message.id, lines.size);
    return `\x1b[2K${text}\r\n`;
  }
  const up = lines.size - (known ?? lines.size - 1);
  return `\x1b[${up}A\x1b[2K${text}\r\x1b[${up}B`;
}

function progressBar(message: ProgressMessage, columns: number): string {
  const { current = 0, total = 0, units = "", hidecounts = false } = message.progressDetail ?? {};
  if (current <= 0 && total <= 0) return message.progress ?? "";
  const show = (count: number) => (units === "" ? humanSize4(count) : String(count));
  if (total <= 0) return units === "" ? show(current).padStart(8) : `${current} ${units}`;
  const part = Math.min(50, Math.floor((current / total) * 50));
  const bar = columns > 110 ? `[${"=".repeat(part)}>${" ".repeat(50 - part)}] ` : "";
  if (hidecounts) return bar.trimEnd();
  const counts = current > total ? show(current).padStart(8) : `${show(current).padStart(8)}/${show(total)}`;
  return bar + counts + (units === "" ? "" : ` ${units}`);
}

async function terminalColumns(): Promise<number> {
  const { terminal } = await import("../io/terminal.ts");
  return terminal.size(1)?.columns ?? 80;
}
