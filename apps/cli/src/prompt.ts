import type { Context } from "./context.ts";

/** A line from the terminal, without spaces around it; empty when there is none. */
export async function ask(context: Context, question: string): Promise<string> {
  await context.stdout.write(question);
  return ((await context.stdin.line()) ?? "").trim();
}

/** As `ask`; what is typed does not show. The terminal is put back also when the user gives up with ctrl-c. */
export async function askHidden(context: Context, question: string): Promise<string> {
  const { terminal } = await import("./io/terminal.ts");
  const restore = terminal.hideTyping(0);
  const giveUp = () => {
    restore?.();
    console.log();
    process.exit(130);
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, giveUp);
  try {
    return await ask(context, question);
  } finally {
    restore?.();
    for (const signal of signals) process.off(signal, giveUp);
    await context.stdout.write("\n");
  }
}
