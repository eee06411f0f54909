import { execConfigDecoder, execStartDecoder } from "@berth/api";
import { invalidParameter, log, messageOf } from "@berth/base";
import { streamType } from "../container/streams.ts";
import { parseDetachKeys } from "../detach-keys.ts";
import type { Exchange } from "../http/exchange.ts";
import { pipeAttachment } from "../http/pipe.ts";
import { get, post, type Route } from "../http/router.ts";
import type { ExecBackend, ExecStartOptions } from "./backend.ts";

export function execRoutes(execs: ExecBackend): Route[] {
  return [
    post("/containers/{name}/exec", async (exchange) => {
      const config = await exchange.readJson(execConfigDecoder);
      if (config.Cmd === null || config.Cmd.length === 0) throw invalidParameter("No exec command specified");
      if (exchange.version < 42) delete config.ConsoleSize;
      if (parseDetachKeys(config.DetachKeys) === undefined) {
        throw invalidParameter(`Invalid escape keys (${config.DetachKeys}) provided`);
      }
      exchange.json({ Id: await execs.create(exchange.parameter("name"), config) }, 201);
    }),

    post("/exec/{id}/start", (exchange) => start(exchange, execs)),

    post("/exec/{id}/resize", async (exchange) => {
      const { query } = exchange;
      const rows = query.requiredInteger("h");
      await execs.resize(exchange.parameter("id"), rows, query.requiredInteger("w"));
      exchange.empty(200);
    }),

    get("/exec/{id}/json", async (exchange) => {
      exchange.json(await execs.inspect(exchange.parameter("id")));
    }),
  ];
}

/** Docker's multiplexed stream: stream number, three zeros, length in four bytes, data. */
function stdoutFrame(data: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header[0] = 1;
  header.writeUInt32BE(data.length, 4);
  return Buffer.concat([header, data]);
}

async function start(exchange: Exchange, execs: ExecBackend): Promise<void> {
  const id = exchange.parameter("id");
  const request = await exchange.readJson(execStartDecoder);
  await execs.checkStartable(id);
  if (request.Detach) {
    await execs.startDetached(id);
    return exchange.empty(200);
  }
  const options: ExecStartOptions = { tty: request.Tty };
  if (exchange.version >= 42 && request.ConsoleSize !== undefined) {
    if (!request.Tty) throw invalidParameter("cannot set console size: no TTY");
    options.consoleSize = request.ConsoleSize;
  }
  const { signal } = exchange;
  const client = exchange.hijack(streamType(exchange, request.Tty));
  try {
    const attachment = await execs.startAttached(id, options, signal);
    const detachKeys = parseDetachKeys(attachment.detachKeys) ?? new Uint8Array();
    pipeAttachment(client, attachment, { stdin: true, detachKeys });
  } catch (error) {
    // The stream has begun: the failure is told in it, and the exit status by inspect.
    log.debug("exec could not be started", { exec: id, error: messageOf(error) });
    const message = Buffer.from(`${messageOf(error)}\r\n`);
    client.write(request.Tty ? message : stdoutFrame(message));
    client.end();
  }
}
