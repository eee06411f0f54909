import { confirm } from "./confirm.ts";
import type { Context } from "./context.ts";
import { humanSize4 } from "./format/sizes.ts";

/** What a prune removed: lines to print, and bytes. */
export interface Pruned {
  /** Empty: nothing was removed. */
  text: string;
  bytes: number;
}

/** Asks unless forced, prunes, prints. `counts`: also the bytes that were reclaimed. */
export async function pruneAfterQuestion(
  context: Context,
  options: { force: boolean; warning: string; counts?: boolean },
  prune: () => Promise<Pruned>,
): Promise<void> {
  if (!options.force && !(await confirm(context, options.warning))) return;
  const { text, bytes } = await prune();
  if (text !== "") await context.stdout.write(`${text}\n`);
  if (options.counts ?? true) await context.stdout.write(`Total reclaimed space: ${humanSize4(bytes)}\n`);
}
