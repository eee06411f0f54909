import { imageList } from "@berth/client";
import { atMost, command } from "../../command.ts";
import { CommandError } from "../../errors.ts";
import { bool, filter, string } from "../../flags/types.ts";
import { FORMAT_HELP } from "../../format/help.ts";
import { printRows } from "../../format/rows.ts";
import { IMAGE_ROW, imageNames, imageRow } from "./row.ts";

export default command({
  names: ["image ls", "image list", "images"],
  summary: "List images",
  usage: "[OPTIONS] [REPOSITORY[:TAG]]",
  arguments: atMost(1),
  flags: {
    all: bool("Show intermediate images too", { shorthand: "a" }),
    digests: bool("Show digests"),
    filter: filter("Show only those that match", { shorthand: "f" }),
    format: string(FORMAT_HELP),
    "no-trunc": bool("Show everything in full"),
    quiet: bool("Show only ids", { shorthand: "q" }),
    tree: bool("Show the platforms of each image below it"),
  },
  completes: ["image", "none"],
  async run(context, { values }, [name]) {
    const filters = new Map(values.filter);
    if (name !== undefined) filters.set("reference", [...(filters.get("reference") ?? []), name]);
    if (values.tree) {
      const other = (["quiet", "no-trunc", "digests"] as const).find((name) => values[name]);
      const refused = other ?? (values.format === "" ? undefined : "format");
      if (refused !== undefined) {
        const name = refused === "digests" ? "show-digest" : refused;
        throw new CommandError(`--${name} is not yet supported with --tree`);
      }
      const { printTree } = await import("./tree.ts");
      const images = await imageList(await context.client(), { all: values.all, filters, manifests: true });
      return printTree(context, images, values.all);
    }
    const asked =
      values.format || (values.quiet ? "" : ((await context.configuration()).file.imagesFormat ?? ""));
    const format = listFormat(asked || "table", values.quiet, values.digests);
    const images = await imageList(await context.client(), { all: values.all, filters });
    const digests = values.digests || format.includes("{{.Digest}}");
    const rows = images.flatMap((image) =>
      imageNames(image, digests).map((each) => imageRow(image, each, !values["no-trunc"])),
    );
    await printRows(context.stdout, IMAGE_ROW, format, rows);
  },
});

function listFormat(format: string, quiet: boolean, digests: boolean): string {
  if (format === "raw") {
    if (quiet) return "image_id: {{.ID}}";
    const lines = ["repository: {{ .Repository }}", "tag: {{.Tag}}", "image_id: {{.ID}}"];
    if (digests) lines.splice(2, 0, "digest: {{.Digest}}");
    return `${[...lines, "created_at: {{.CreatedAt}}", "virtual_size: {{.Size}}"].join("\n")}\n`;
  }
  if (format === "table") {
    if (quiet) return "{{.ID}}";
    const digest = digests ? "\t{{.Digest}}" : "";
    return `table {{.Repository}}\t{{.Tag}}${digest}\t{{.ID}}\t{{if .CreatedSince }}{{.CreatedSince}}{{else}}N/A{{end}}\t{{.Size}}`;
  }
  return format.startsWith("table") && digests && !format.includes("{{.Digest}}")
    ? `${format}\t{{.Digest}}`
    : format;
}
