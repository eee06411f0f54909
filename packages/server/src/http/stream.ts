import type { ServerResponse } from "node:http";
import { log, messageOf } from "@berth/base";
import type { Exchange } from "./exchange.ts";

/**
 * Sends what `chunks` yields with back-pressure. The headers go out at once when `flush` is set, else with the first
 * chunk, so that a failure before it still gets its status. A later failure cuts the connection: the client must not
 * take half an answer for a whole one. Returns when all is sent or the client is gone.
 */
export async function sendChunks(
  exchange: Exchange,
  headers: Record<string, string>,
  chunks: AsyncIterable<Uint8Array | string>,
  options: { flush?: boolean } = {},
): Promise<void> {
  const { response, signal } = exchange;
  if (options.flush === true) startAnswer(response, headers);
  try {
    for await (const chunk of chunks) {
      if (signal.aborted) return;
      if (!response.headersSent) response.writeHead(200, headers);
      if (!response.write(chunk) && !(await drained(response))) return;
    }
  } catch (error) {
    if (!response.headersSent) throw error;
    if (!signal.aborted)
      log.error("an answer broke off", { path: exchange.request.url, error: messageOf(error) });
    response.destroy();
    return;
  }
  if (signal.aborted && exchange.response.destroyed) return;
  if (!response.headersSent) response.writeHead(200, headers);
  response.end();
}

/** Sends status and headers now, before there is any body. */
export function startAnswer(response: ServerResponse, headers: Record<string, string>): void {
  response.writeHead(200, headers);
  response.flushHeaders();
}

/** Resolves true when more can be written, false when the connection is gone. */
function drained(response: ServerResponse): Promise<boolean> {
  if (response.destroyed) return Promise.resolve(false);
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const onDrain = () => {
    response.off("close", onClose);
    resolve(true);
  };
  const onClose = () => {
    response.off("drain", onDrain);
    resolve(false);
  };
  response.once("drain", onDrain);
  response.once("close", onClose);
  return promise;
}

/** One JSON message a line, as Docker's progress, stats and event streams have them. `timeNano` may be a bigint. */
export async function* jsonLines(messages: AsyncIterable<unknown>, end = "\n"): AsyncGenerator<string> {
  for await (const message of messages) yield JSON.stringify(message, bigintAsNumber) + end;
}

/** JSON.rawJSON (ECMAScript 2026) is not in TypeScript's library yet. */
const rawJson = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON;

export function bigintAsNumber(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? rawJson(value.toString()) : value;
}

/** Progress messages; a failure after the first one becomes Docker's last message `{"errorDetail":…,"error":…}`. */
export async function sendProgress(exchange: Exchange, messages: AsyncIterable<unknown>): Promise<void> {
  async function* withError(): AsyncGenerator<unknown> {
    let started = false;
    try {
      for await (const message of messages) {
        started = true;
        yield message;
      }
    } catch (error) {
      if (!started) throw error;
      const message = messageOf(error);
      yield { errorDetail: { message }, error: message };
    }
  }
  await sendChunks(exchange, { "Content-Type": "application/json" }, jsonLines(withError(), "\r\n"));
}
