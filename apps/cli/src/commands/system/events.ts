import type { EventMessage } from "@berth/api";
import { systemEvents } from "@berth/client";
import { command, noArguments } from "../../command.ts";
import { CommandError } from "../../errors.ts";
import { timestamp } from "../../flags/timestamp.ts";
import { filter, string } from "../../flags/types.ts";
import { INSPECT_FORMAT_HELP } from "../../format/help.ts";
import { unescapeFormat } from "../../format/rows.ts";
import { rfc3339Local } from "../../format/times.ts";

export default command({
  names: ["system events", "events"],
  summary: "Show what happens in the daemon, as it happens",
  usage: "[OPTIONS]",
  arguments: noArguments,
  flags: {
    filter: filter("Show only those that match", { shorthand: "f" }),
    format: string(INSPECT_FORMAT_HELP),
    since: string("Begin with those since this time"),
    until: string("End at this time"),
  },
  examples: [
    { what: "Which containers died in the last hour", words: "events --since 1h --until 0s -f event=die" },
  ],
  async run(context, { values }) {
    const show = values.format === "" ? eventLine : await templated(values.format);
    const now = Date.now();
    const events = await systemEvents(await context.client(), {
      since: timestamp(values.since, now),
      until: timestamp(values.until, now),
      filters: values.filter,
    });
    for await (const event of events) await context.stdout.write(`${show(event)}\n`);
  },
});

/** `TIME TYPE ACTION ID (NAME=VALUE, …)`. */
export function eventLine(event: EventMessage): string {
  const { ID: id, Attributes: attributes } = event.Actor;
  const pairs = Object.keys(attributes ?? {})
    .sort()
    .map((name) => `${name}=${attributes[name]}`);
  const parts = [eventTime(event), event.Type, event.Action, id];
  return `${parts.join(" ")}${pairs.length === 0 ? "" : ` (${pairs.join(", ")})`}`;
}

function eventTime({ time, timeNano }: EventMessage): string {
  if (timeNano === 0n) return rfc3339Local(time, "0");
  return rfc3339Local(Number(timeNano / 1_000_000_000n), String(timeNano % 1_000_000_000n));
}

async function templated(format: string): Promise<(event: EventMessage) => string> {
  const { execute, parse, Struct } = await import("../../template/index.ts");
  let template: ReturnType<typeof parse>;
  try {
    template = parse(unescapeFormat(format === "json" ? "{{json .}}" : format));
  } catch (error) {
    throw new CommandError(`Error parsing format: ${(error as Error).message}`, 64);
  }
  return ({ Actor: actor, ...event }) => {
    const attributes = new Map(Object.entries(actor.Attributes ?? {}));
    const fields = {
      ...(event.status && { status: event.status }),
      ...(event.id && { id: event.id }),
      ...(event.from && { from: event.from }),
      Type: event.Type,
      Action: event.Action,
      Actor: new Struct("events.Actor", { ID: actor.ID, Attributes: attributes }),
      ...(event.scope !== undefined && { scope: event.scope }),
      ...(event.time !== 0 && { time: event.time }),
      ...(event.timeNano !== 0n && { timeNano: event.timeNano }),
    };
    // By Go's names: a template knows those.
    const named = {
      Status: event.status ?? "",
      ID: event.id ?? "",
      From: event.from ?? "",
      Scope: event.scope ?? "",
      Time: event.time,
      TimeNano: event.timeNano,
    };
    try {
      return execute(template, new Struct("*events.Message", fields, named));
    } catch (error) {
      throw new CommandError(`Error parsing format: ${(error as Error).message}`, 64);
    }
  };
}
