import type { HistoryItem } from "@berth/api";
import { imageHistory } from "@berth/client";
import { command, exactly } from "../../command.ts";
import { bool, string } from "../../flags/types.ts";
import { FORMAT_HELP } from "../../format/help.ts";
import { printRows, type RowFields, type RowKind } from "../../format/rows.ts";
import { humanSize } from "../../format/sizes.ts";
import { ellipsis, shortId } from "../../format/text.ts";
import { ago, rfc3339Seconds } from "../../format/times.ts";
import { platformJson } from "./platform.ts";

const HISTORY_ROW: RowKind = {
  type: "*image.historyContext",
  headers: {
    ID: "IMAGE",
    CreatedSince: "CREATED",
    CreatedAt: "CREATED AT",
    CreatedBy: "CREATED BY",
    Size: "SIZE",
    Comment: "COMMENT",
  },
};

const TABLE = "table {{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}";
const PLAIN_TABLE = "table {{.ID}}\t{{.CreatedAt}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}";

export default command({
  names: ["image history", "history"],
  summary: "Show how an image was made",
  usage: "[OPTIONS] IMAGE",
  arguments: exactly(1),
  flags: {
    format: string(FORMAT_HELP),
    human: bool("Sizes and times as people read them", { shorthand: "H", default: true }),
    "no-trunc": bool("Show everything in full"),
    platform: string("Of this platform's image (os[/arch[/variant]])"),
    quiet: bool("Show only ids", { shorthand: "q" }),
  },
  completes: ["image", "none"],
  async run(context, { values }, [name]) {
    const platform = values.platform === "" ? {} : { platform: platformJson(values.platform) };
    const items = await imageHistory(await context.client(), name!, platform);
    const table = values.quiet ? "{{.ID}}" : values.human ? TABLE : PLAIN_TABLE;
    const format = values.format === "" || values.format === "table" ? table : values.format;
    const rows = items.map((item) => historyRow(item, !values["no-trunc"], values.human));
    await printRows(context.stdout, HISTORY_ROW, format, rows);
  },
});

function historyRow(item: HistoryItem, truncate: boolean, human: boolean): RowFields {
  const by = item.CreatedBy.replaceAll("\t", " ");
  return {
    Comment: item.Comment,
    CreatedAt: () => (item.Created > 0 ? rfc3339Seconds(item.Created) : ""),
    CreatedBy: truncate ? ellipsis(by, 45) : by,
    CreatedSince: () => (item.Created > 0 ? ago(item.Created) : "N/A"),
    ID: truncate ? shortId(item.Id) : item.Id,
    Size: human ? humanSize(item.Size) : String(item.Size),
  };
}
