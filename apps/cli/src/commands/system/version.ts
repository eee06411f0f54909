import type { Version } from "@berth/api";
import { systemVersion } from "@berth/client";
import { buildTime, clientVersion } from "../../client-version.ts";
import { command, noArguments } from "../../command.ts";
import { contextName } from "../../config/endpoint.ts";
import { describeError } from "../../describe-error.ts";
import { CommandError } from "../../errors.ts";
import { string } from "../../flags/types.ts";
import { INSPECT_FORMAT_HELP } from "../../format/help.ts";

export default command({
  names: ["version"],
  summary: "Show the versions of client and daemon",
  usage: "[OPTIONS]",
  arguments: noArguments,
  flags: { format: string(INSPECT_FORMAT_HELP, { shorthand: "f" }) },
  examples: [{ what: "The daemon's version", words: "version -f '{{.Server.Version}}'" }],
  async run(context, { values }) {
    const template = values.format === "" ? undefined : await parseVersionFormat(values.format);
    const connection = await context.client();
    let server: Version | undefined;
    let failure: unknown;
    try {
      await connection.negotiateVersion();
      server = await systemVersion(connection);
    } catch (error) {
      failure = error;
    }
    const { Version, ...rest } = clientVersion();
    const client = {
      Version,
      ApiVersion: connection.apiVersion,
      ...rest,
      BuildTime: buildTime(rest.BuildTime),
      Context: await contextName(context),
    };
    if (template === undefined) {
      const text = clientText(client) + (server === undefined ? "" : serverText(server));
      await context.stdout.write(text);
    } else {
      let text = "";
      try {
        text = template(client, server);
      } catch (error) {
        // Without a server its fields are missing: that is what the user has to know.
        failure ??= error;
      }
      await context.stdout.write(`${text}\n`);
    }
    if (failure !== undefined) throw new CommandError(describeError(context.program, failure));
  },
});

type ClientSide = ReturnType<typeof clientVersion> & { ApiVersion: string; Context: string };

const line = (label: string, value: string) => `${label.padEnd(20)}${value}\n`;

function clientText(client: ClientSide): string {
  const downgraded =
    client.ApiVersion === client.DefaultAPIVersion ? "" : ` (downgraded from ${client.DefaultAPIVersion})`;
  return [
    "Client:\n",
    line(" Version:", client.Version),
    line(" API version:", client.ApiVersion + downgraded),
    line(" Go version:", client.GoVersion),
    line(" Git commit:", client.GitCommit),
    line(" Built:", client.BuildTime),
    line(" OS/Arch:", `${client.Os}/${client.Arch}`),
    line(" Context:", client.Context),
  ].join("");
}

/** What a daemon's answer shows as: its components, the engine's details under their known names. */
export function serverText(server: Version): string {
  const name = server.Platform?.Name ? ` ${server.Platform.Name}` : "";
  let text = `\nServer:${name}\n`;
  for (const component of server.Components ?? [engineOf(server)]) {
    const details = component.Details ?? {};
    text += ` ${component.Name}:\n${line("  Version:", component.Version)}`;
    if (component.Name === "Engine") {
      const minimum = details.MinAPIVersion ? ` (minimum version ${details.MinAPIVersion})` : "";
      text += line("  API version:", `${details.ApiVersion ?? ""}${minimum}`);
      text += line("  Go version:", details.GoVersion ?? "");
      text += line("  Git commit:", details.GitCommit ?? "");
      text += line("  Built:", buildTime(details.BuildTime ?? ""));
      text += line("  OS/Arch:", `${details.Os ?? ""}/${details.Arch ?? ""}`);
      text += line("  Experimental:", details.Experimental ?? "");
    } else {
      for (const name of Object.keys(details).sort()) text += line(`  ${name}:`, details[name]!);
    }
  }
  return text;
}

/** Daemons before API 1.35 tell no components. */
function engineOf(server: Version): NonNullable<Version["Components"]>[number] {
  const { ApiVersion, MinAPIVersion, GitCommit, GoVersion, Os, Arch, BuildTime = "", Experimental } = server;
  return {
    Name: "Engine",
    Version: server.Version,
    Details: {
      ApiVersion,
      MinAPIVersion,
      GitCommit,
      GoVersion,
      Os,
      Arch,
      BuildTime,
      Experimental: String(Experimental ?? false),
    },
  };
}

async function parseVersionFormat(
  format: string,
): Promise<(client: ClientSide, server: Version | undefined) => string> {
  const { execute, parse, Struct, structsFromJson } = await import("../../template/index.ts");
  const named = <T>(act: () => T, prefix: string): T => {
    try {
      return act();
    } catch (error) {
      const message = (error as Error).message
        .replace(/^template: :/, "template: version:")
        .replace('executing ""', 'executing "version"');
      throw new CommandError(prefix + message, prefix === "" ? 1 : 64);
    }
  };
  const source = format === "json" ? "{{json .}}" : format;
  const template = named(() => parse(source), "template parsing error: ");
  return (client, server) => {
    const { ApiVersion: api } = client;
    const data = new Struct("system.versionInfo", {
      Client: new Struct("system.clientVersion", { ...client }, { APIVersion: api }),
      Server: server === undefined ? null : serverStruct(structsFromJson, server, Struct),
    });
    return named(() => execute(template, data), "");
  };
}

function serverStruct(
  structsFromJson: (text: string, type: string) => unknown,
  server: Version,
  Struct: typeof import("../../template/index.ts").Struct,
): unknown {
  const { BuildTime, Experimental, ...always } = server;
  const told = { ...always, ...(Experimental && { Experimental }), ...(BuildTime && { BuildTime }) };
  const value = structsFromJson(JSON.stringify(told), "types.Version");
  if (!(value instanceof Struct)) return value;
  return new Struct("*types.Version", value.fields, {
    ...value.hidden,
    APIVersion: server.ApiVersion,
    Experimental: Experimental ?? false,
    BuildTime: BuildTime ?? "",
  });
}
