import { systemEvents } from "@berth/client";
import { LABEL } from "@berth/compose";
import { atLeast, command } from "../../command.ts";
import { findTarget } from "../../compose/engine.ts";
import { bool, string } from "../../flags/types.ts";

export default command({
  names: ["compose events"],
  summary: "Receive real time events from containers",
  usage: "[OPTIONS] [SERVICE...]",
  arguments: atLeast(0),
  flags: {
    json: bool("One JSON object a line"),
    since: string("Begin with events since this time"),
    until: string("End with events before this time"),
  },
  async run(context, { values }, services) {
    const target = await findTarget(context, services);
    const { timestamp } = await import("../../flags/timestamp.ts");
    const events = await systemEvents(await context.client(), {
      filters: { label: [`${LABEL.project}=${target.project.name}`] },
      ...(values.since !== "" && { since: timestamp(values.since) }),
      ...(values.until !== "" && { until: timestamp(values.until) }),
    });
    for await (const event of events) {
      const all = event.Actor.Attributes ?? {};
      if (event.Type !== "container" || all[LABEL.oneOff] === "True") continue;
      const service = all[LABEL.service] ?? "";
      if (services.length > 0 && !services.includes(service)) continue;
      const attributes = Object.fromEntries(
        Object.entries(all)
          .filter(([name]) => !name.startsWith("com.docker.compose."))
          .sort(([a], [b]) => (a < b ? -1 : 1)),
      );
      const whole = new Date(Number(event.timeNano / 1_000_000n)).toISOString();
      const fraction = String(event.timeNano % 1_000_000_000n).padStart(9, "0");
      if (values.json) {
        const time = `${whole.slice(0, 19)}.${fraction}`.replace(/\.?0+$/, "");
        const value = {
          action: event.Action,
          attributes,
          id: event.Actor.ID,
          service,
          time: `${time}Z`,
          type: "container",
        };
        await context.stdout.write(`${JSON.stringify(value)}\n`);
        continue;
      }
      const time = `${whole.slice(0, 10)} ${whole.slice(11, 19)}.${fraction.slice(0, 6)}`;
      const pairs = Object.entries(attributes).map(([name, value]) => `${name}=${value}`);
      await context.stdout.write(
        `${time} container ${event.Action} ${event.Actor.ID} (${pairs.join(", ")})\n\n`,
      );
    }
  },
});
