import { type Client, containerKill } from "@berth/client";

/**
 * Signals that are passed on to a container. SIGWINCH is not: without a terminal it tells of our size and nothing of the
 * container's, and Apache takes it for a request to stop.
 */
const PROXIED = [
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGUSR1",
  "SIGUSR2",
  "SIGTERM",
  "SIGALRM",
  "SIGCONT",
  "SIGTSTP",
  "SIGTTIN",
  "SIGTTOU",
  "SIGVTALRM",
  "SIGPROF",
  "SIGIO",
] as const;

/**
 * Catches signals from now on and sends them to a container.
 * @returns what ends it.
 */
export function proxySignals(client: Client, container: string): () => void {
  const handlers = PROXIED.map((signal) => {
    const handler = () => {
      // The container may be gone already, which its exit status tells.
      containerKill(client, container, { signalName: signal.slice(3) }).catch(() => {});
    };
    process.on(signal, handler);
    return [signal, handler] as const;
  });
  return () => {
    for (const [signal, handler] of handlers) process.off(signal, handler);
  };
}

/**
 * Tells `resize` the terminal's size now and whenever it changes. `redraw`: another size is told first, so that a program that is
 * there already draws its screen or its prompt again. @returns what ends it.
 */
export async function followTerminalSize(
  resize: (size: { rows: number; columns: number }) => Promise<void>,
  options: { redraw?: boolean } = {},
): Promise<() => void> {
  const { terminal } = await import("../io/terminal.ts");
  const tell = async (attempts: number): Promise<void> => {
    const size = terminal.size(1) ?? terminal.size(0);
    if (size === undefined || (size.rows === 0 && size.columns === 0)) return;
    try {
      await resize(size);
    } catch {
      // The process may be about to start.
      if (attempts > 0) setTimeout(() => void tell(attempts - 1), 20);
    }
  };
  const first = options.redraw ? (terminal.size(1) ?? terminal.size(0)) : undefined;
  if (first !== undefined) {
    // What is wrong is told by the next one.
    await resize({ rows: first.rows + 1, columns: first.columns + 1 }).catch(() => {});
  }
  await tell(5);
  const handler = () => void tell(0);
  process.on("SIGWINCH", handler);
  return () => process.off("SIGWINCH", handler);
}
