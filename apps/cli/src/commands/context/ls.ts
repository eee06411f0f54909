import { command, noArguments } from "../../command.ts";
import { DEFAULT_DESCRIPTION, defaultContext } from "../../config/any-context.ts";
import { listContexts, readContext, type StoredContext } from "../../config/context-store.ts";
import { contextName } from "../../config/endpoint.ts";
import { bool, string } from "../../flags/types.ts";
import { FORMAT_HELP } from "../../format/help.ts";
import { naturalCompare } from "../../format/natural-order.ts";
import { printRows, type RowFields, type RowKind } from "../../format/rows.ts";
import { ellipsis } from "../../format/text.ts";

const CONTEXT_ROW: RowKind = {
  type: "*formatter.clientContextContext",
  headers: { Name: "NAME", Description: "DESCRIPTION", DockerEndpoint: "DOCKER ENDPOINT", Error: "ERROR" },
};
const TABLE = "table {{.Name}}{{if .Current}} *{{end}}\t{{.Description}}\t{{.DockerEndpoint}}\t{{.Error}}";
const MOST_ERROR_COLUMNS = 45;

export default command({
  names: ["context ls", "context list"],
  summary: "List contexts",
  usage: "[OPTIONS]",
  arguments: noArguments,
  flags: {
    format: string(FORMAT_HELP),
    quiet: bool("Show only names", { shorthand: "q" }),
  },
  async run(context, { values }) {
    const { folder } = await context.configuration();
    const current = await contextName(context);
    const base = await defaultContext(context);
    const all = [
      { ...base, Metadata: { Description: DEFAULT_DESCRIPTION } },
      ...(await listContexts(folder)),
    ];
    const rows = all.map((stored) => [stored.Name, contextRow(stored, current)] as const);
    if (!all.some(({ Name }) => Name === current)) {
      const message = await readContext(folder, current).then(
        () => "",
        (error: Error) => error.message,
      );
      const missing = { Name: current, Metadata: {}, Endpoints: {} };
      rows.push([current, contextRow(missing, current, message)]);
    }
    rows.sort(([a], [b]) => naturalCompare(a, b));
    const format = values.quiet
      ? "{{.Name}}"
      : values.format === "" || values.format === "table"
        ? TABLE
        : values.format;
    const shown = rows.map(([, row]) => row);
    await printRows(context.stdout, CONTEXT_ROW, format, shown);
    if (context.environment.DOCKER_HOST) {
      await context.stderr.write(
        "Warning: DOCKER_HOST environment variable overrides the active context. To use a context, either set the global --context flag, or unset DOCKER_HOST environment variable.\n",
      );
    }
  },
});

function contextRow(stored: StoredContext, current: string, error = ""): RowFields {
  return {
    Current: stored.Name === current,
    Description: stored.Metadata.Description ?? "",
    DockerEndpoint: stored.Endpoints.docker?.Host ?? "",
    Error: ellipsis(error, MOST_ERROR_COLUMNS),
    Name: stored.Name,
  };
}
