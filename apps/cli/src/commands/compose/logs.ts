import { type Client, containerInspect } from "@berth/client";
import { type ObservedContainer, observeContainers } from "@berth/compose";
import { atLeast, command } from "../../command.ts";
import { checkServices, findTarget } from "../../compose/engine.ts";
import { containerEvents, copyLogs, shortName, sinceTime } from "../../compose/follow.ts";
import { LogPrinter } from "../../compose/log-printer.ts";
import { timestamp } from "../../flags/timestamp.ts";
import { bool, int, string } from "../../flags/types.ts";

export default command({
  names: ["compose logs"],
  summary: "View output from containers",
  usage: "[OPTIONS] [SERVICE...]",
  arguments: atLeast(0),
  flags: {
    follow: bool("Stay, and show what comes: of containers that restart and that join, too", {
      shorthand: "f",
    }),
    index: int("Only the container with this number"),
    "no-color": bool("Produce monochrome output"),
    "no-log-prefix": bool("Do not print a prefix before each line"),
    since: string('Begin with lines since this time ("2013-01-02T13:23:37Z"), or this long ago ("42m")'),
    tail: string("Begin with the last n lines of each container", { shorthand: "n", default: "all" }),
    timestamps: bool("Show when each line was written", { shorthand: "t" }),
    until: string('End with lines before this time ("2013-01-02T13:23:37Z"), or this long ago ("42m")'),
  },
  async run(context, { values }, services) {
    const now = Date.now();
    const request = {
      follow: values.follow,
      tail: values.tail,
      since: timestamp(values.since, now),
      until: timestamp(values.until, now),
      timestamps: values.timestamps,
    };
    const target = await findTarget(context, services);
    checkServices(target, services);
    const client = await context.client();
    const { name: project } = target.project;
    const abort = new AbortController();
    // Subscribed before the list is asked for: none is missed.
    const events = values.follow
      ? await containerEvents(client, project, ["start", "die"], abort.signal)
      : undefined;
    const names = services.length > 0 ? services : Object.keys(target.project.services);
    const containers = (
      await observeContainers(client, project, { all: true, services, oneOff: "exclude" })
    ).filter((each) => names.includes(each.service) && (values.index === 0 || each.number === values.index));
    const ansi = context.compose?.ansi ?? "auto";
    const color =
      !values["no-color"] && ansi !== "never" && (ansi === "always" || (await context.isTerminal(1)));
    // Everything on stdout, as Compose: `logs | grep` finds what was written to stderr, too.
    const printer = new LogPrinter(context.stdout, context.stdout, {
      color,
      prefix: !values["no-log-prefix"],
    });
    for (const each of containers) printer.register(shortName(project, each.name));
    const open = new Map<string, Promise<void>>();
    const follow = (id: string, name: string, since: string, tail: string): void => {
      const writer = printer.writer(shortName(project, name));
      const copied = copyLogs(client, id, writer, { ...request, since, tail }, abort.signal);
      const done = copied.finally(() => open.delete(id));
      done.catch(() => {});
      open.set(id, done);
    };
    for (const each of containers) follow(each.id, each.name, request.since, request.tail);
    if (events === undefined) {
      await Promise.all(open.values());
      return;
    }
    try {
      const endedAt = await endsOf(client, containers);
      for await (const { Action: action, Actor: actor, timeNano: time } of events) {
        if (action === "die") {
          endedAt.set(actor.ID, time);
          continue;
        }
        const attributes = actor.Attributes;
        if (!names.includes(attributes["com.docker.compose.service"] ?? "")) continue;
        // The stream of the last run is about to end.
        const last = open.get(actor.ID)?.then(
          () => true,
          () => true,
        );
        if (last !== undefined && !(await Promise.race([last, Bun.sleep(1000).then(() => false)]))) continue;
        if (attributes["com.docker.compose.oneoff"] === "True") continue;
        if (values.index > 0 && attributes["com.docker.compose.container-number"] !== String(values.index))
          continue;
        // The event of a start comes when the first output may have been written already.
        const since = sinceTime(endedAt.get(actor.ID));
        follow(actor.ID, attributes.name ?? "", since, "all");
      }
    } finally {
      abort.abort();
    }
  },
});

/** When those that do not run ended: what they said until then was shown. */
async function endsOf(
  client: Client,
  containers: readonly ObservedContainer[],
): Promise<Map<string, bigint>> {
  const ends = new Map<string, bigint>();
  await Promise.all(
    containers.map(async ({ id, state }) => {
      if (state === "running" || state === "paused") return;
      const found = await containerInspect(client, id).catch(() => undefined);
      const time = Date.parse(found?.State.FinishedAt ?? "");
      // Rounded up: milliseconds are what a Date holds.
      if (time > 0) ends.set(id, BigInt(time + 1) * 1_000_000n);
    }),
  );
  return ends;
}
