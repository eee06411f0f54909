import type { ImageManifestSummary, ImageSummary } from "@berth/api";
import { formatPlatform } from "@berth/spec";
import type { Context } from "../../context.ts";
import { humanSize } from "../../format/sizes.ts";
import { shortId } from "../../format/text.ts";

/** Without a terminal. */
const WIDTH = 80;
const SPACE = "   ";

interface Column {
  title: string;
  width: number;
  right: boolean;
}

const COLUMNS: readonly Column[] = [
  { title: "ID", width: 12, right: false },
  { title: "DISK USAGE", width: 10, right: true },
  { title: "CONTENT SIZE", width: 12, right: true },
  { title: "EXTRA", width: 5, right: false },
];

interface Details {
  id: string;
  disk: number;
  content: number;
  inUse: boolean;
}

interface Branch extends Details {
  platform: string;
  available: boolean;
}

interface Tree extends Details {
  names: string[];
  branches: Branch[];
}

/** `image ls --tree`: each image, and below it those of its platforms where the daemon keeps several. */
export async function printTree(
  context: Context,
  images: readonly ImageSummary[],
  all: boolean,
): Promise<void> {
  const isTerminal = await context.isTerminal(1);
  const style = isTerminal ? COLOURED : PLAIN;
  const width = isTerminal ? await columns() : WIDTH;
  const trees = images
    .filter((image) => all || (image.RepoTags ?? []).length > 0)
    .sort((a, b) => b.Created - a.Created)
    .map(treeOf);
  const first = firstWidth(trees, width);
  const cell = (text: string, { width: wide, right }: Column) =>
    right ? text.padStart(wide) : text.padEnd(wide);

  let out = `${style.warning("WARNING: This is an experimental feature. The output may change and shouldn't be depended on.")}\n`;
  out += `${" ".repeat(Math.max(0, width - style.legendWidth))}${style.legend}\n\n`;
  const titles = COLUMNS.map((column) => fill(column, column.title, (text) => BOLD(text)));
  out += `${fill({ title: "", width: first, right: false }, "IMAGE", BOLD)}${SPACE}${titles.join(SPACE)}\n`;

  const details = (item: Details, paint: (text: string) => string): string =>
    [
      paint(shortId(item.id)) + " ".repeat(Math.max(0, 12 - shortId(item.id).length)),
      ...[humanSize(item.disk), humanSize(item.content)].map(
        (text, n) =>
          cell("", { ...COLUMNS[n + 1]!, width: COLUMNS[n + 1]!.width - text.length, right: true }) +
          paint(text),
      ),
      item.inUse ? style.inUse : " ".repeat(5),
    ].join(SPACE);

  const hasBranches = trees.some(({ branches }) => branches.length > 0);
  for (const tree of trees) {
    const names = tree.names.length === 0 ? ["<untagged>"] : tree.names;
    const paint = tree.names.length === 0 ? style.untagged : style.name;
    for (const [n, name] of names.entries()) {
      const shown = cut(name, first);
      const isLast = n === names.length - 1;
      out += paint(shown);
      out += isLast
        ? `${" ".repeat(Math.max(0, first - shown.length))}${SPACE}${details(tree, style.text)}\n`
        : "\n";
    }
    for (const [n, branch] of tree.branches.entries()) {
      const paintBranch = branch.available ? style.text : style.faint;
      const label = cut(`${n === tree.branches.length - 1 ? "└─" : "├─"} ${branch.platform}`, first);
      out += `${paintBranch(label)}${" ".repeat(Math.max(0, first - label.length))}${SPACE}${details(branch, paintBranch)}\n`;
    }
    if (hasBranches) out += "\n";
  }
  await context.stdout.write(out);
}

function treeOf(image: ImageSummary): Tree {
  const branches = (image.Manifests ?? []).filter(({ Kind }) => Kind === "image").map(branchOf);
  return {
    names: image.RepoTags ?? [],
    id: image.Id,
    disk: image.Size,
    content: branches.reduce((sum, { content }) => sum + content, 0),
    inUse: image.Containers > 0 || branches.some(({ inUse }) => inUse),
    branches,
  };
}

function branchOf({ ID, Available, Size, ImageData }: ImageManifestSummary): Branch {
  const platform = ImageData?.Platform;
  return {
    id: ID,
    platform: platform === undefined ? "unknown" : formatPlatform(platform),
    available: Available,
    disk: Size.Total,
    content: Size.Content,
    inUse: (ImageData?.Containers ?? []).length > 0,
  };
}

/** As wide as the longest name, as far as there is room. */
function firstWidth(trees: readonly Tree[], width: number): number {
  const room = width - COLUMNS.reduce((sum, column) => sum + column.width + SPACE.length, 0);
  const longest = Math.max(
    5,
    ...trees.flatMap(({ names, branches }) => [
      ...names.map((name) => name.length),
      ...branches.map(({ platform }) => platform.length + 3),
    ]),
  );
  return Math.max(5, Math.min(room, longest));
}

const cut = (text: string, width: number) => (text.length > width ? `${text.slice(0, width - 1)}…` : text);

const painted = (codes: string) => (text: string) => `${codes}${text}\x1b[0m`;
const BOLD = painted("\x1b[39m\x1b[1m");
const same = (text: string) => text;

/** The filling is outside of the colours. */
function fill(column: Column, text: string, paint: (text: string) => string): string {
  const space = " ".repeat(Math.max(0, column.width - text.length));
  return column.right ? space + paint(text) : paint(text) + space;
}

const CHIP = painted("\x1b[38;5;0m\x1b[48;5;14m");

const COLOURED = {
  warning: painted("\x1b[93m"),
  legend: `\x1b[1m\x1b[106m\x1b[30mi\x1b[0m\x1b[0m \x1b[96mInfo → \x1b[0m\x1b[0m ${CHIP(" U ")} In Use `,
  legendWidth: 21,
  name: painted("\x1b[34m\x1b[1m"),
  untagged: painted("\x1b[39m\x1b[2m"),
  text: painted("\x1b[39m"),
  faint: painted("\x1b[39m\x1b[2m"),
  inUse: `${CHIP(" U ")}  `,
};

const PLAIN: typeof COLOURED = {
  warning: same,
  legend: "Info ->  U In Use ",
  legendWidth: 18,
  name: same,
  untagged: same,
  text: same,
  faint: same,
  inUse: "U    ",
};

async function columns(): Promise<number> {
  const { terminal } = await import("../../io/terminal.ts");
  return terminal.size(1)?.columns || WIDTH;
}
