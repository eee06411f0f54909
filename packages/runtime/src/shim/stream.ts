import { createConnection, type Socket } from "node:net";
import { BerthError, systemError } from "@berth/base";
import type { ShimStream } from "../runtime.ts";
import { type Failure, type Hello, LineReader, type StreamAnswer } from "./protocol.ts";

export function failureToError(failure: Failure): BerthError {
  const kind = failure.exitCode === 126 || failure.exitCode === 127 ? "invalid-parameter" : "system";
  return new BerthError(
    kind,
    failure.message,
    failure.exitCode === undefined ? {} : { exitCode: failure.exitCode },
  );
}

/** Opens an attach or exec connection; resolves when the shim has answered. */
export function openStream(path: string, hello: Hello): Promise<{ pid: number; stream: ShimStream }> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ path, allowHalfOpen: true });
    const lines = new LineReader();
    let settled = false;
    const fail = (error: Error) => {
      if (settled) return;
      settled = true;
      socket.destroy();
      reject(error);
    };
    const onData = (chunk: Buffer) => {
      let answer: StreamAnswer | undefined;
      let rest: Uint8Array | undefined;
      try {
        rest = lines.push(chunk, (line) => {
          lines.stop();
          answer = JSON.parse(line) as StreamAnswer;
        });
      } catch (error) {
        fail(systemError("the shim gave an answer that cannot be read", { cause: error }));
        return;
      }
      if (answer === undefined) return;
      if ("error" in answer) {
        fail(failureToError(answer.error));
        return;
      }
      settled = true;
      socket.off("data", onData);
      socket.pause();
      resolve({ pid: answer.pid, stream: new SocketStream(socket, rest) });
    };
    socket.on("data", onData);
    socket.on("error", (error) =>
      fail(systemError(`cannot reach the container's shim: ${error.message}`, { cause: error })),
    );
    socket.on("close", () => fail(systemError("the container's shim closed the connection")));
    socket.on("end", () => fail(systemError("the container's shim closed the connection")));
    socket.write(`${JSON.stringify(hello)}\n`);
  });
}

class SocketStream implements ShimStream {
  readonly #socket: Socket;
  #first: Uint8Array | undefined;
  #ended = false;
  readonly #endListeners: (() => void)[] = [];

  constructor(socket: Socket, first: Uint8Array | undefined) {
    this.#socket = socket;
    this.#first = first !== undefined && first.length > 0 ? first.slice() : undefined;
    const end = () => {
      if (this.#ended) return;
      this.#ended = true;
      for (const listener of this.#endListeners) listener();
    };
    socket.on("end", end);
    socket.on("close", end);
  }

  onData(listener: (chunk: Uint8Array) => void): void {
    const first = this.#first;
    this.#first = undefined;
    if (first) listener(first);
    this.#socket.on("data", listener);
    this.#socket.resume();
  }

  onEnd(listener: () => void): void {
    if (this.#ended) listener();
    else this.#endListeners.push(listener);
  }

  write(chunk: Uint8Array): boolean {
    return this.#socket.write(chunk);
  }

  onDrain(listener: () => void): void {
    this.#socket.on("drain", listener);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
