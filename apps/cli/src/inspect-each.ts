import type { Context } from "./context.ts";
import { describeError } from "./describe-error.ts";
import { CommandError } from "./errors.ts";
import { indentJson } from "./format/indent-json.ts";

/** A thing as the daemon describes it, and Go's name of its type (`volume.Volume`). */
export interface Inspected {
  json: string;
  type: string;
}

/**
 * What every `inspect` does: fetches each name, prints those found as one JSON array or through `format`, and then
 * fails with what went wrong for the others.
 * @throws CommandError; with status 64 when `format` cannot be parsed, before anything is fetched.
 */
export async function inspectEach(
  context: Context,
  names: readonly string[],
  format: string,
  fetch: (name: string) => Promise<Inspected>,
): Promise<void> {
  const { show, join } =
    format === "" || format === "json" ? jsonArray(format === "") : await templated(format);
  const shown: string[] = [];
  const failures: string[] = [];
  for (const name of names) {
    try {
      shown.push(show(await fetch(name)));
    } catch (error) {
      failures.push(describeError(context.program, error));
    }
  }
  await context.stdout.write(join(shown));
  if (failures.length > 0) throw new CommandError(failures.join("\n"));
}

interface Printer {
  show(thing: Inspected): string;
  join(shown: readonly string[]): string;
}

function jsonArray(indented: boolean): Printer {
  return {
    show: ({ json }) => json.trim(),
    join: (shown) => {
      const array = `[${shown.join(",")}]`;
      return `${indented ? indentJson(array) : array}\n`;
    },
  };
}

async function templated(format: string): Promise<Printer> {
  const { execute, mapsFromJson, parse, structsFromJson } = await import("./template/index.ts");
  let template: ReturnType<typeof parse>;
  try {
    template = parse(format);
  } catch (error) {
    throw new CommandError(`template parsing error: ${(error as Error).message}`, 64);
  }
  return {
    show({ json, type }) {
      try {
        return `${execute(template, structsFromJson(json, type))}\n`;
      } catch {
        // Fields that the struct does not know may be in what the daemon sent.
      }
      try {
        return `${execute(template, mapsFromJson(json), { missingKeyIsError: true })}\n`;
      } catch (error) {
        throw new CommandError(`template parsing error: ${(error as Error).message}`);
      }
    },
    join: (shown) => shown.join("") || "\n",
  };
}
