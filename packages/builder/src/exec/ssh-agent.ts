import { rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { Readable, Writable } from "node:stream";
import type { SshProvider } from "@berth/api/build";
import { listenUnix } from "@berth/linux";

/** Listens on a unix socket and passes each connection on to the client's agent, until it is disposed. */
export function forwardAgent(
  path: string,
  ssh: SshProvider,
  id: string,
  signal: AbortSignal,
): AsyncDisposable {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    socket.on("error", () => socket.destroy());
    ssh.connect(
      id,
      {
        readable: Readable.toWeb(socket) as unknown as ReadableStream<Uint8Array>,
        writable: Writable.toWeb(socket) as unknown as WritableStream<Uint8Array>,
      },
      signal,
    );
  });
  // Bound here, synchronously, so that it is there when the step is.
  server.listen({ fd: listenUnix(path) });
  return {
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      rmSync(path, { force: true });
    },
  };
}
