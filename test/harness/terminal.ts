/** A program on a terminal, typed at and looked at as a person would. */
import { eventually } from "./wait.ts";

export interface TerminalSession {
  /** Everything that was shown so far. */
  screen(): string;
  type(text: string): void;
  resize(columns: number, rows: number): void;
  /** Waits until `text` was shown after what earlier calls waited for; returns what came up to and with it. */
  until(text: string | RegExp, seconds?: number): Promise<string>;
  exited: Promise<number>;
  pid: number;
  kill(signal: NodeJS.Signals): void;
}

export function openTerminal(
  argv: readonly string[],
  env: Record<string, string>,
  size: { columns: number; rows: number } = { columns: 80, rows: 24 },
): TerminalSession {
  let shown = "";
  let seen = 0;
  const decoder = new TextDecoder();
  const child = Bun.spawn([...argv], {
    env: { ...env, TERM: "xterm" },
    terminal: {
      cols: size.columns,
      rows: size.rows,
      data(_terminal, bytes) {
        shown += decoder.decode(bytes, { stream: true });
      },
    },
  });
  return {
    screen: () => shown,
    type: (text) => void child.terminal!.write(text),
    resize: (columns, rows) => void child.terminal!.resize(columns, rows),
    async until(text, seconds = 30) {
      const find = (): number => {
        const rest = shown.slice(seen);
        if (typeof text === "string") {
          const at = rest.indexOf(text);
          return at < 0 ? -1 : at + text.length;
        }
        const match = text.exec(rest);
        return match === null ? -1 : match.index + match[0].length;
      };
      try {
        await eventually(`${text} on the terminal`, () => find() >= 0, seconds);
      } catch (error) {
        throw new Error(`${(error as Error).message}; shown: ${JSON.stringify(shown.slice(-1000))}`);
      }
      const end = seen + find();
      const part = shown.slice(seen, end);
      seen = end;
      return part;
    },
    exited: child.exited,
    pid: child.pid,
    kill: (signal) => child.kill(signal),
  };
}
