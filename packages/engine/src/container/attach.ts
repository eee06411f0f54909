import { conflict } from "@berth/base";
import { readJsonLog } from "@berth/logging";
import type { ShimStream } from "@berth/runtime";
import type { EngineContext } from "../context.ts";
import { PendingStream } from "./attach-queue.ts";
import { containerEvent } from "./events.ts";
import { logPath } from "./paths.ts";

export interface AttachOptions {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  /** Send what was logged before. */
  logs: boolean;
  /** Go on with what comes. Without it only the logs are sent and the stream ends. */
  stream: boolean;
  detachKeys?: string;
}

/** `ByteDuplex` and `Attachment` of the server: the stream as the client gets it. */
export interface Attachment {
  readonly stream: ShimStream;
  readonly tty: boolean;
  /** Of the exec; absent: the client's. */
  readonly detachKeys?: string;
  detached(): void;
}

/**
 * A client's stream to a container: to the running one's shim, or kept until it is started.
 * @throws not-found; conflict when paused or restarting.
 */
export async function attachContainer(
  engine: EngineContext,
  reference: string,
  options: AttachOptions,
  signal: AbortSignal,
): Promise<Attachment> {
  const container = engine.containers.get(reference);
  const { state, record } = container;
  if (state.paused) throw conflict(`container ${reference} is paused, unpause the container before attach`);
  if (state.restarting) {
    throw conflict(`container ${reference} is restarting, wait until the container is running`);
  }
  const pending = new PendingStream({
    stdin: options.stdin && record.config.OpenStdin,
    stdout: options.stdout,
    stderr: options.stderr,
  });
  const connect = async () => {
    if (!options.stream) {
      pending.fail();
      return;
    }
    const shim = container.shim;
    if (shim === undefined) container.attaches.add(pending);
    else pending.connect(await shim.attach(pending.streams));
  };
  if (options.logs && record.hostConfig.LogConfig.Type === "json-file") {
    // After this turn of the event loop, when the client's listeners are there.
    setImmediate(() => {
      void replay(pending, logPath(engine.settings, container), record.config.Tty, signal)
        .then(connect)
        .catch(() => pending.fail());
    });
  } else await connect();
  signal.addEventListener("abort", () => pending.destroy(), { once: true });
  containerEvent(engine, container, "attach");
  return {
    stream: pending,
    tty: record.config.Tty,
    detached: () => containerEvent(engine, container, "detach"),
  };
}

async function replay(
  pending: PendingStream,
  path: string,
  tty: boolean,
  signal: AbortSignal,
): Promise<void> {
  const { stdout, stderr } = pending.streams;
  const format = { stdout, stderr, multiplexed: !tty, timestamps: false, details: false };
  for await (const chunk of readJsonLog(path, { ...format, signal })) pending.push(chunk);
}
