import type { SystemInfo } from "@berth/api";
import { buildTime, clientVersion } from "../../client-version.ts";
import { command, noArguments } from "../../command.ts";
import { contextName } from "../../config/endpoint.ts";
import { CommandError } from "../../errors.ts";
import { string } from "../../flags/types.ts";
import { INSPECT_FORMAT_HELP } from "../../format/help.ts";
import { serverInfo } from "./info-text.ts";

export default command({
  names: ["system info", "info"],
  summary: "Show everything about the daemon and its machine",
  usage: "[OPTIONS]",
  arguments: noArguments,
  flags: { format: string(INSPECT_FORMAT_HELP, { shorthand: "f" }) },
  examples: [{ what: "One of the facts", words: "info -f '{{.Driver}}'" }],
  async run(context, { values }) {
    const template = values.format === "" ? undefined : await parseInfoFormat(values.format);
    const { DefaultAPIVersion, BuildTime, ...version } = clientVersion();
    const client = {
      Debug: context.options.debug,
      Version: version.Version,
      DefaultAPIVersion,
      GitCommit: version.GitCommit,
      GoVersion: version.GoVersion,
      Os: version.Os,
      Arch: version.Arch,
      BuildTime: buildTime(BuildTime),
      Context: await contextName(context),
      Plugins: [],
      Warnings: null,
    };
    if (template === undefined) {
      const lines = [
        "Client:",
        ` Version:    ${client.Version}`,
        ` Context:    ${client.Context}`,
        ` Debug Mode: ${client.Debug}`,
        "",
        "Server:",
      ];
      await context.stdout.write(`${lines.join("\n")}\n`);
    }
    const connection = await context.client();
    const ask = async () => (await connection.request({ method: "GET", path: "/info" })).text();
    if (template !== undefined) {
      let shown = "";
      try {
        const rest = JSON.stringify({ ClientInfo: client }).slice(1);
        shown = template(`${(await ask()).trim().slice(0, -1)},${rest}`);
      } finally {
        await context.stdout.write(`${shown}\n`);
      }
      return;
    }
    const text = await ask();
    const info = JSON.parse(text) as SystemInfo;
    await context.stdout.write(`${serverInfo(info)}\n`);
    for (const warning of info.Warnings ?? []) await context.stderr.write(`${warning}\n`);
  },
});

async function parseInfoFormat(format: string): Promise<(json: string) => string> {
  const { execute, parse, structsFromJson } = await import("../../template/index.ts");
  let template: ReturnType<typeof parse>;
  try {
    template = parse(format === "json" ? "{{json .}}" : format);
  } catch (error) {
    throw new CommandError(`template parsing error: ${(error as Error).message}`, 64);
  }
  return (json) => {
    try {
      return execute(template, structsFromJson(json, "system.dockerInfo"));
    } catch (error) {
      throw new CommandError((error as Error).message);
    }
  };
}
