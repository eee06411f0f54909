import { execConfigDecoder, execStartDecoder } from "@berth/api";
import { invalidParameter, log, messageOf } from "@berth/base";
import { streamType } from "../container/streams.ts";
import { parseDetachKeys } from "../detach-keys.ts";
import type { Exchange } from "../http/exchange.ts";
import type { HijackedStream } from "../http/hijack.ts";
import { EXEC_PROTOCOL, frame, outcomeFrame } from "../http/one-request.ts";
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
      const id = await execs.create(exchange.parameter("name"), config);
      if (exchange.upgradesTo(EXEC_PROTOCOL) && !config.Tty && !config.Detach) {
        const client = exchange.hijack(streamType(exchange, false), EXEC_PROTOCOL);
        return attach(client, execs, id, { tty: false }, exchange.signal, true);
      }
      exchange.json({ Id: id }, 201);
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
  const client = exchange.hijack(streamType(exchange, request.Tty));
  return attach(client, execs, id, options, exchange.signal);
}

/** Starts an exec whose client's stream has begun. */
async function attach(
  client: HijackedStream,
  execs: ExecBackend,
  id: string,
  options: ExecStartOptions,
  signal: AbortSignal,
  tellsOutcome = false,
): Promise<void> {
  try {
    const attachment = await execs.startAttached(id, options, signal);
    const detachKeys = parseDetachKeys(attachment.detachKeys) ?? new Uint8Array();
    pipeAttachment(client, attachment, {
      stdin: true,
      detachKeys,
      ...(tellsOutcome && { outcome: attachment.exited.then((ExitCode) => ({ ExitCode })) }),
    });
  } catch (error) {
    // The stream has begun: the failure is told in it, and the exit status in it or by inspect.
    log.debug("exec could not be started", { exec: id, error: messageOf(error) });
    const message = Buffer.from(`${messageOf(error)}\r\n`);
    client.write(options.tty ? message : frame(1, message));
    if (tellsOutcome) client.write(outcomeFrame({ ExitCode: (await execs.inspect(id)).ExitCode ?? 126 }));
    client.end();
  }
}
