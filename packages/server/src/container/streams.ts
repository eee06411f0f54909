import { invalidParameter } from "@berth/base";
import { parseDetachKeys } from "../detach-keys.ts";
import type { Exchange } from "../http/exchange.ts";
import { type PipeOptions, pipeAttachment } from "../http/pipe.ts";
import { get, post, type Route } from "../http/router.ts";
import { jsonLines, sendChunks } from "../http/stream.ts";
import type { Attachment, ByteDuplex } from "../streams.ts";
import type { ContainerStreams, LogsOptions } from "./backend.ts";

export const RAW_STREAM = "application/vnd.docker.raw-stream";
const MULTIPLEXED_STREAM = "application/vnd.docker.multiplexed-stream";

/** Clients tell the two apart by the content type since API 1.42; before, and without an upgrade, it is always the raw one. */
export function streamType({ version, upgrades }: Exchange, tty: boolean): string {
  return upgrades ? logType(version, tty) : RAW_STREAM;
}

function logType(version: number, tty: boolean): string {
  return version >= 42 && !tty ? MULTIPLEXED_STREAM : RAW_STREAM;
}

export function streamRoutes(containers: ContainerStreams): Route[] {
  return [
    post("/containers/{name}/attach", (exchange) => attach(exchange, containers)),
    get("/containers/{name}/attach/ws", (exchange) => attachWebSocket(exchange, containers)),

    get("/containers/{name}/logs", async (exchange) => {
      const options = logsOptions(exchange);
      const logs = await containers.logs(exchange.parameter("name"), options, exchange.signal);
      const headers = { "Content-Type": logType(exchange.version, logs.tty) };
      await sendChunks(exchange, headers, logs.chunks, { flush: options.follow });
    }),

    get("/containers/{name}/stats", async (exchange) => {
      const { query, signal, version } = exchange;
      const stream = query.boolean("stream", true);
      const oneShot = version >= 41 && query.boolean("one-shot");
      if (stream && oneShot) throw invalidParameter("cannot have stream=true and one-shot=true");
      const messages = await containers.stats(exchange.parameter("name"), { stream, oneShot }, signal);
      await sendChunks(exchange, { "Content-Type": "application/json" }, jsonLines(messages), {
        flush: stream,
      });
    }),
  ];
}

async function attach(exchange: Exchange, containers: ContainerStreams): Promise<void> {
  const { query } = exchange;
  try {
    const { attachment, ...options } = await attachmentFor(exchange, containers, (stream) =>
      query.boolean(stream),
    );
    if (exchange.signal.aborted) return attachment.stream.destroy();
    const client = exchange.hijack(streamType(exchange, attachment.tty));
    pipeAttachment(client, attachment, options);
  } catch (error) {
    if (exchange.hijacked) throw error;
    exchange.hijackFailure(error, RAW_STREAM);
  }
}

/**
 * As attach, for browsers. stdout and stderr come as one, as Docker sends them there; before API 1.42 all streams are
 * attached, whatever the query says.
 */
async function attachWebSocket(exchange: Exchange, containers: ContainerStreams): Promise<void> {
  const { query, version } = exchange;
  const { attachment, ...options } = await attachmentFor(
    exchange,
    containers,
    (stream) => version < 42 || query.boolean(stream),
  );
  if (exchange.signal.aborted) return attachment.stream.destroy();
  const client = exchange.webSocket();
  const stream = attachment.tty ? attachment.stream : withoutFrames(attachment.stream);
  pipeAttachment(client, { ...attachment, stream }, options);
}

/** The attachment that a request asks for, and how its client's input is to be treated. `wants`: whether a stream is asked for. */
async function attachmentFor(
  exchange: Exchange,
  containers: ContainerStreams,
  wants: (stream: "stdin" | "stdout" | "stderr") => boolean,
): Promise<PipeOptions & { attachment: Attachment }> {
  const { query } = exchange;
  const detachKeys = query.optionalString("detachKeys");
  const keys = parseDetachKeys(detachKeys);
  if (keys === undefined) throw invalidParameter(`Invalid detach keys (${detachKeys}) provided`);
  const stdin = wants("stdin");
  const attachment = await containers.attach(
    exchange.parameter("name"),
    {
      stdin,
      stdout: wants("stdout"),
      stderr: wants("stderr"),
      logs: query.boolean("logs"),
      stream: query.boolean("stream"),
      ...(detachKeys === undefined ? {} : { detachKeys }),
    },
    exchange.signal,
  );
  return { attachment, stdin, detachKeys: keys };
}

/** A container's stream without the headers that tell stdout from stderr (8 bytes: stream, 3 zeros, length). */
function withoutFrames(stream: ByteDuplex): ByteDuplex {
  return {
    onData(listener) {
      let header = Buffer.alloc(0);
      let left = 0;
      stream.onData((chunk) => {
        for (let rest = chunk; rest.length > 0; ) {
          if (left === 0) {
            const part = rest.subarray(0, 8 - header.length);
            header = Buffer.concat([header, part]);
            rest = rest.subarray(part.length);
            if (header.length < 8) return;
            left = header.readUInt32BE(4);
            header = Buffer.alloc(0);
            continue;
          }
          const data = rest.subarray(0, left);
          left -= data.length;
          rest = rest.subarray(data.length);
          listener(data);
        }
      });
    },
    onEnd: (listener) => stream.onEnd(listener),
    write: (chunk) => stream.write(chunk),
    onDrain: (listener) => stream.onDrain(listener),
    pause: () => stream.pause(),
    resume: () => stream.resume(),
    end: () => stream.end(),
    destroy: () => stream.destroy(),
  };
}

function logsOptions({ query }: Exchange): LogsOptions {
  const stdout = query.boolean("stdout");
  const stderr = query.boolean("stderr");
  if (!stdout && !stderr) throw invalidParameter("Bad parameters: you must choose at least one stream");
  const options: LogsOptions = {
    stdout,
    stderr,
    follow: query.boolean("follow"),
    timestamps: query.boolean("timestamps"),
    details: query.boolean("details"),
  };
  // Docker takes everything that is no number for "all".
  const tail = query.string("tail");
  if (/^\d{1,15}$/.test(tail)) options.tail = Number(tail);
  const since = query.moment("since");
  if (since !== undefined) options.since = since;
  const until = query.moment("until");
  if (until !== undefined) options.until = until;
  return options;
}
