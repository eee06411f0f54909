import { invalidParameter } from "@berth/base";
import { parseDetachKeys } from "../detach-keys.ts";
import type { Exchange } from "../http/exchange.ts";
import { pipeAttachment } from "../http/pipe.ts";
import { get, post, type Route } from "../http/router.ts";
import { jsonLines, sendChunks } from "../http/stream.ts";
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
    const detachKeys = query.optionalString("detachKeys");
    const keys = parseDetachKeys(detachKeys);
    if (keys === undefined) throw invalidParameter(`Invalid detach keys (${detachKeys}) provided`);
    const stdin = query.boolean("stdin");
    const attachment = await containers.attach(
      exchange.parameter("name"),
      {
        stdin,
        stdout: query.boolean("stdout"),
        stderr: query.boolean("stderr"),
        logs: query.boolean("logs"),
        stream: query.boolean("stream"),
        ...(detachKeys === undefined ? {} : { detachKeys }),
      },
      exchange.signal,
    );
    if (exchange.signal.aborted) return attachment.stream.destroy();
    const client = exchange.hijack(streamType(exchange, attachment.tty));
    pipeAttachment(client, attachment, { stdin, detachKeys: keys });
  } catch (error) {
    if (exchange.hijacked) throw error;
    exchange.hijackFailure(error, RAW_STREAM);
  }
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
