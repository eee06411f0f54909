import { containerPrune } from "@berth/client";
import { command, noArguments } from "../../command.ts";
import type { Context } from "../../context.ts";
import { isBerthError } from "../../error-kinds.ts";
import { CommandError } from "../../errors.ts";
import { bool, type FilterMap, filter } from "../../flags/types.ts";
import { type Pruned, pruneAfterQuestion } from "../../prune.ts";
import { pruneFilters } from "../../prune-filters.ts";
import { pruneImages } from "../image/prune.ts";
import { pruneNetworks } from "../network/prune.ts";
import { pruneVolumes } from "../volume/prune.ts";

export default command({
  names: ["system prune"],
  summary: "Remove what is not used",
  usage: "[OPTIONS]",
  arguments: noArguments,
  flags: {
    all: bool("Remove all images that no container uses, not just those without a name", { shorthand: "a" }),
    filter: filter('Remove only those that match (such as "label=x")'),
    force: bool("Do not ask", { shorthand: "f" }),
    volumes: bool("Remove anonymous volumes too"),
  },
  examples: [{ what: "All that nothing uses, volumes too", words: "system prune -a --volumes" }],
  async run(context, { values }) {
    if (values.volumes && values.filter.has("until")) {
      throw new CommandError('ERROR: The "until" filter is not supported with "--volumes"');
    }
    const filters = await pruneFilters(context, values.filter);
    const options = { force: values.force, warning: warning(values.all, values.volumes, filters) };
    await pruneAfterQuestion(context, options, () =>
      pruneAll(context, values.all, values.volumes, values.filter),
    );
  },
});

export function warning(all: boolean, volumes: boolean, filters: FilterMap): string {
  const shown = [...filters].flatMap(([name, values]) => values.map((value) => `  - ${name}=${value}`));
  return [
    "WARNING! This will remove:",
    "  - all stopped containers",
    "  - all networks not used by at least one container",
    ...(volumes ? ["  - all anonymous volumes not used by at least one container"] : []),
    `  - all ${all ? "images without at least one container associated to them" : "dangling images"}`,
    `  - ${all ? "all" : "unused"} build cache`,
    "",
    ...(shown.length === 0 ? [] : ["  Items to be pruned will be filtered with:", ...shown.sort(), ""]),
  ].join("\n");
}

/** One kind after another, each of which may free what the next removes. */
async function pruneAll(context: Context, all: boolean, volumes: boolean, asked: FilterMap): Promise<Pruned> {
  const steps = [
    () => pruneContainers(context, asked),
    () => pruneNetworks(context, asked),
    ...(volumes ? [() => pruneVolumes(context, false, asked)] : []),
    () => pruneImages(context, all, asked),
    () => pruneBuildCache(context, all, asked),
  ];
  let bytes = 0;
  for (const step of steps) {
    const pruned = await step();
    bytes += pruned.bytes;
    if (pruned.text !== "") await context.stdout.write(`${pruned.text}\n`);
  }
  return { text: "", bytes };
}

async function pruneContainers(context: Context, asked: FilterMap): Promise<Pruned> {
  const filters = await pruneFilters(context, asked);
  const report = await containerPrune(await context.client(), { filters });
  const lines = (report.ContainersDeleted ?? []).map((id) => `${id}\n`);
  return {
    text: lines.length === 0 ? "" : `Deleted Containers:\n${lines.join("")}`,
    bytes: report.SpaceReclaimed,
  };
}

interface BuildPruneReport {
  CachesDeleted: string[] | null;
  SpaceReclaimed: number;
}

async function pruneBuildCache(context: Context, all: boolean, asked: FilterMap): Promise<Pruned> {
  const filters = Object.fromEntries(
    [...(await pruneFilters(context, asked))].map(([name, values]) => [
      name,
      Object.fromEntries(values.map((value) => [value, true])),
    ]),
  );
  let report: BuildPruneReport;
  try {
    report = await (await context.client()).json<BuildPruneReport>({
      method: "POST",
      path: "/build/prune",
      query: {
        ...(all && { all: true }),
        "keep-storage": "0",
        ...(Object.keys(filters).length > 0 && { filters: JSON.stringify(filters) }),
      },
    });
  } catch (error) {
    // A daemon that builds nothing has no cache.
    if (isBerthError(error, "ApiError") && (error.status === 404 || error.status === 501)) {
      return { text: "", bytes: 0 };
    }
    throw error;
  }
  const deleted = (report.CachesDeleted ?? []).map((id) => `${id}\n`);
  return {
    text: deleted.length === 0 ? "" : `Deleted build cache objects:\n${deleted.join("")}`,
    bytes: report.SpaceReclaimed,
  };
}
