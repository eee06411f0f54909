import { buildRecord } from "@berth/client";
import { durationOf, findRecord, nameOf, statusOf } from "../../build/history.ts";
import { atMost, command } from "../../command.ts";
import { CommandError } from "../../errors.ts";
import { string } from "../../flags/types.ts";

export default command({
  names: ["buildx history inspect"],
  summary: "Show a build: the newest one, or that of a name",
  usage: "[OPTIONS] [REF]",
  arguments: atMost(1),
  flags: {
    builder: string("Accepted; there is one builder", { hidden: true }),
    format: string("pretty, or json", { default: "pretty", values: ["pretty", "json"] }),
  },
  async run(context, { values }, [reference = ""]) {
    if (values.format !== "pretty" && values.format !== "json")
      throw new CommandError(`ERROR: --format=${values.format} is not supported: pretty or json`);
    const client = await context.client();
    const record = await buildRecord(client, (await findRecord(client, reference)).ref);
    if (values.format === "json") {
      await context.stdout.write(`${JSON.stringify(record, null, 2)}\n`);
      return;
    }
    const { attributes, error, exporterResponse } = record;
    const facts: [string, string | undefined][] = [
      ["Name", nameOf(record)],
      ["Build ID", record.ref],
      ["Dockerfile", attributes.filename],
      ["Target", attributes.target],
      ["Platforms", attributes.platform],
      ["Started", record.createdAt],
      ["Duration", durationOf(record)],
      ["Status", statusOf(record)],
      ["Build Steps", `${record.completedSteps}/${record.totalSteps} (${record.cachedSteps} cached)`],
      ["Warnings", record.warnings > 0 ? String(record.warnings) : undefined],
      ["Image", exporterResponse["containerimage.digest"]],
      ["Tags", exporterResponse["image.name"]],
      ["Error", error],
    ];
    let text = facts
      .filter(([, value]) => value)
      .map(([name, value]) => `${`${name}:`.padEnd(14)}${value}\n`)
      .join("");
    const pairs = (prefix: string, title: string) => {
      const found = Object.entries(attributes).filter(([name]) => name.startsWith(prefix));
      if (found.length === 0) return "";
      return `\n${title}\n${found.map(([name, value]) => `  ${name.slice(prefix.length)}=${value}\n`).join("")}`;
    };
    text += pairs("build-arg:", "Build arguments:") + pairs("label:", "Labels:");
    const steps = record.vertices.map(({ name, cached, error: failure, started, completed }) => {
      const took = Number(BigInt(completed ?? 0) - BigInt(started ?? completed ?? 0)) / 1e9;
      const mark = failure !== undefined ? "ERROR" : cached ? "CACHED" : `${Math.max(0, took).toFixed(1)}s`;
      return `  ${mark.padStart(7)}  ${name}\n`;
    });
    await context.stdout.write(`${text}\nSteps:\n${steps.join("")}`);
  },
});
