import type { Context } from "./context.ts";
import { describeError } from "./describe-error.ts";
import { CommandError, OutputClosed } from "./errors.ts";

/** As many requests at a time as Docker's command line sends. */
const AT_ONCE = 50;

/**
 * Does the same to many things. Prints each one's line (its name, unless `act` returns another, or "") in the order in
 * which they were given, and goes on after a failure.
 * @throws CommandError with every failure, one a line.
 */
export async function forEach(
  context: Context,
  names: readonly string[],
  act: (name: string) => Promise<unknown>,
  options: { oneByOne?: boolean } = {},
): Promise<void> {
  const failures: string[] = [];
  const started: Promise<string>[] = [];
  const limit = options.oneByOne ? 1 : AT_ONCE;
  const begin = (name: string) => {
    const one = act(name).then((line) => (typeof line === "string" ? line : name));
    one.catch(() => {});
    started.push(one);
  };
  for (const name of names.slice(0, limit)) begin(name);
  for (let at = 0; at < names.length; at++) {
    try {
      const line = await started[at]!;
      if (line !== "") await context.stdout.write(`${line}\n`);
    } catch (error) {
      if (error instanceof OutputClosed) throw error;
      failures.push(describeError(context.program, error));
    }
    const next = names[at + limit];
    if (next !== undefined) begin(next);
  }
  if (failures.length > 0) throw new CommandError(failures.join("\n"));
}
