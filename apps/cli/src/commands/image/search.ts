import { encodeFilters } from "@berth/client";
import { DEFAULT_DOMAIN } from "@berth/spec";
import { command, exactly } from "../../command.ts";
import { registryAuth } from "../../config/registry-auth.ts";
import { bool, filter, int, string } from "../../flags/types.ts";
import { FORMAT_HELP } from "../../format/help.ts";
import { printRows, type RowKind } from "../../format/rows.ts";
import { ellipsis } from "../../format/text.ts";

const SEARCH_ROW: RowKind = {
  type: "*registry.searchContext",
  headers: { Name: "NAME", Description: "DESCRIPTION", StarCount: "STARS", IsOfficial: "OFFICIAL" },
};

interface Found {
  name: string;
  description: string;
  star_count: number;
  is_official: boolean;
}

export default command({
  names: ["search"],
  summary: "Look for images in Docker Hub",
  usage: "[OPTIONS] TERM",
  arguments: exactly(1),
  flags: {
    filter: filter("Show only those that match", { shorthand: "f" }),
    format: string(FORMAT_HELP),
    limit: int("Most results"),
    "no-trunc": bool("Show everything in full"),
  },
  async run(context, { values }, [term]) {
    if (values.filter.has("is-automated")) {
      await context.stderr.write(
        'WARNING: the "is-automated" filter is deprecated, and searching for "is-automated=true" will not yield any results in future.\n',
      );
    }
    const client = await context.client();
    const first = term!.split("/")[0]!;
    const registry = term!.includes("/") && /[.:]|^localhost$/.test(first) ? first : DEFAULT_DOMAIN;
    const found = await client.json<Found[]>({
      method: "GET",
      path: "/images/search",
      query: {
        term: term!,
        ...(values.limit > 0 && { limit: values.limit }),
        ...encodeFilters(values.filter),
      },
      headers: { "X-Registry-Auth": await registryAuth(context, registry) },
    });
    // As JSON the mark is a truth value.
    const asJson = values.format === "json" || /\{\{-?\s*json \.\s*-?\}\}/.test(values.format);
    const rows = found.map((each) => {
      const description = each.description.replaceAll("\n", " ").replaceAll("\r", " ");
      return {
        Description: values["no-trunc"] ? description : ellipsis(description, 45),
        IsOfficial: asJson ? String(each.is_official) : each.is_official ? "[OK]" : "",
        Name: each.name,
        StarCount: String(each.star_count),
      };
    });
    const table = "table {{.Name}}\t{{.Description}}\t{{.StarCount}}\t{{.IsOfficial}}";
    const format = values.format === "" || values.format === "table" ? table : values.format;
    await printRows(context.stdout, SEARCH_ROW, format, rows);
  },
});
