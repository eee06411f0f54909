import type { ExecConfig } from "@berth/api";
import { messageOf } from "@berth/base";
import type { Container } from "../container/container.ts";
import { SIGKILL } from "../container/signals.ts";
import type { EngineContext } from "../context.ts";
import { register } from "./create.ts";
import { startExec } from "./start.ts";

export interface RunResult {
  exitCode: number;
  /** What it printed on both streams, cut at the limit. */
  output: string;
  timedOut: boolean;
}

const HEADER = 8;

/** Runs a command in a running container to its end, or kills it after `timeout` milliseconds. Does not throw. */
export async function runInContainer(
  engine: EngineContext,
  container: Container,
  command: [string, ...string[]],
  timeout: number,
  outputLimit: number,
): Promise<RunResult> {
  const [path, ...args] = command;
  const config: ExecConfig = {
    User: "",
    Privileged: false,
    Tty: false,
    AttachStdin: false,
    AttachStderr: true,
    AttachStdout: true,
    Detach: false,
    DetachKeys: "",
    Env: null,
    WorkingDir: "",
    Cmd: command,
  };
  const exec = register(engine, container, config, { path, args });
  const output: Buffer[] = [];
  let size = 0;
  let truncated = false;
  const text = () => Buffer.concat(output).subarray(0, outputLimit).toString() + (truncated ? "..." : "");
  try {
    const { stream, exited } = await startExec(engine, exec.id, undefined);
    const drained = new Promise<void>((resolve) => stream.onEnd(resolve));
    const frames = new FrameReader((part) => {
      if (size >= outputLimit) truncated = true;
      else output.push(Buffer.from(part));
      size += part.length;
      truncated ||= size > outputLimit;
    });
    stream.onData((chunk) => frames.push(chunk));
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      void container.shim?.kill(SIGKILL, exec.id).catch(() => {});
      stream.destroy();
    }, timeout);
    const exitCode = await exited;
    clearTimeout(timer);
    // A grandchild may hold the pipes open: what came until the exit counts.
    if (!timedOut) await Promise.race([drained, new Promise((resolve) => setTimeout(resolve, 100))]);
    stream.destroy();
    return { exitCode, output: text(), timedOut };
  } catch (error) {
    return { exitCode: -1, output: messageOf(error), timedOut: false };
  }
}

/** Takes the 8-byte headers out of Docker's multiplexed stream. */
export class FrameReader {
  readonly #onPayload: (part: Uint8Array) => void;
  readonly #header = Buffer.alloc(HEADER);
  #headerLength = 0;
  #left = 0;

  constructor(onPayload: (part: Uint8Array) => void) {
    this.#onPayload = onPayload;
  }

  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#left > 0) {
        const part = chunk.subarray(at, at + this.#left);
        this.#left -= part.length;
        at += part.length;
        this.#onPayload(part);
        continue;
      }
      const take = Math.min(HEADER - this.#headerLength, chunk.length - at);
      this.#header.set(chunk.subarray(at, at + take), this.#headerLength);
      this.#headerLength += take;
      at += take;
      if (this.#headerLength === HEADER) {
        this.#left = this.#header.readUInt32BE(4);
        this.#headerLength = 0;
      }
    }
  }
}
