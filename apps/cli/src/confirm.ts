import type { Context } from "./context.ts";

/** Asks before something is destroyed. @returns true for `y` or `Y` only. */
export async function confirm(context: Context, warning: string): Promise<boolean> {
  await context.stdout.write(`${warning}\nAre you sure you want to continue? [y/N] `);
  const answer = await context.stdin.line();
  return answer !== undefined && answer.trim().toLowerCase() === "y";
}
