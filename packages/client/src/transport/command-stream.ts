import { ConnectError } from "../errors.ts";
import type { Connection } from "./connection.ts";
import { ReceiveQueue } from "./receive-queue.ts";

/**
 * A connection through a program's standard streams (ssh). The program lives in its own process group, so that ^C in a
 * terminal reaches the container and not the connection.
 * @throws ConnectError when the program cannot be started.
 */
export async function dialCommand(
  command: string,
  args: readonly string[],
  display: string,
): Promise<Connection> {
  const { spawn } = await import("node:child_process");
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"], detached: true });
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (error: Error & { code?: string }) =>
      reject(new ConnectError(display, error.code ?? "", `${command}: ${error.message}`, error)),
    );
  });
  const { stdin, stdout, stderr } = child;
  const received = new ReceiveQueue(
    () => stdout.pause(),
    () => stdout.resume(),
  );
  let complaint = "";
  let destroyed = false;
  stdout.on("data", (chunk: Uint8Array) => received.push(chunk));
  stderr.on("data", (chunk: Uint8Array) => {
    // Only the last lines tell what went wrong.
    complaint = (complaint + new TextDecoder().decode(chunk)).slice(-4096);
  });
  stdin.on("error", () => {});
  child.on("close", (code) => {
    const failed = code !== 0 && !destroyed;
    received.end(
      failed
        ? new ConnectError(
            display,
            "ESSH",
            `command [${[command, ...args].join(" ")}] has exited with exit status ${code}, make sure the URL is valid, and berth is installed on the remote host: stderr=${complaint}`,
          )
        : undefined,
    );
  });
  return {
    get ended() {
      return received.ended;
    },
    read: () => received.read(),
    unread: (chunk) => received.unread(chunk),
    write: (chunk) =>
      new Promise((resolve, reject) => {
        stdin.write(chunk, (error) => (error ? reject(error) : resolve()));
      }),
    closeWrite: () => void stdin.end(),
    destroy: (reason) => {
      destroyed = true;
      received.abort(reason);
      child.kill();
    },
  };
}
