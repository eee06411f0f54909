import { isRemote } from "../build/context-argument.ts";
import { buildProgress } from "../build/progress/index.ts";
import type { Context } from "../context.ts";
import { CommandError } from "../errors.ts";
import { type Chosen, choose } from "./definition.ts";
import { loadDefinition } from "./files.ts";
import { HclError } from "./hcl/value.ts";
import { overridesOf, type Shorthands } from "./overrides.ts";
import { ATTRIBUTES } from "./target.ts";

export interface Bake extends Shorthands {
  file: readonly string[];
  list: string;
  print: boolean;
  progress: string;
  metadataFile: string;
}

/** `buildx bake`. @throws CommandError */
export async function bake(context: Context, options: Bake, names: readonly string[]): Promise<void> {
  const [first] = names;
  if (first !== undefined && isRemote(first))
    throw new CommandError("ERROR: bake definitions are read from files here, not from a URL");
  const definition = await loadDefinition(context, options.file);
  if (options.list !== "") {
    if (options.list !== "targets" && !options.list.startsWith("type=targets"))
      throw new CommandError(`ERROR: --list=${options.list} is not supported: targets`);
    await context.stdout.write(listing(definition.targets));
    return;
  }
  let chosen: Chosen;
  try {
    const overrides = overridesOf(options, [...definition.targets.keys()], context.environment);
    chosen = choose(definition, names, overrides);
  } catch (error) {
    throw error instanceof HclError ? new CommandError(`ERROR: ${error.message}`) : error;
  }
  if (options.print) {
    await context.stdout.write(printed(chosen));
    return;
  }
  const { runBake } = await import("./run-bake.ts");
  await runBake(context, chosen.targets, {
    progress: buildProgress(context, options.progress),
    metadataFile: options.metadataFile,
  });
}

function listing(targets: ReadonlyMap<string, { description?: string }>): string {
  const rows = [
    ["TARGET", "DESCRIPTION"],
    ...[...targets].sort().map(([name, { description = "" }]) => [name, description]),
  ];
  const width = Math.max(...rows.map(([name = ""]) => name.length)) + 1;
  return rows.map(([name = "", text]) => `${`${name.padEnd(width)}${text}`.trimEnd()}\n`).join("");
}

/** `--print`: names in order, attributes in that of the table. */
function printed({ groups, targets }: Chosen): string {
  const sorted = <T>(map: ReadonlyMap<string, T>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
  const json = {
    ...(groups.size > 0 && {
      group: Object.fromEntries(sorted(groups).map(([name, members]) => [name, { targets: members }])),
    }),
    target: Object.fromEntries(
      sorted(targets).map(([name, target]) => [
        name,
        Object.fromEntries(
          Object.keys(ATTRIBUTES)
            .filter((key) => target[key as keyof typeof target] !== undefined && key !== "inherits")
            .map((key) => [key, ordered(target[key as keyof typeof target])]),
        ),
      ]),
    ),
  };
  return `${JSON.stringify(json, null, 2)}\n`;
}

function ordered(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
