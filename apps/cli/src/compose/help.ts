import { COMPOSE_COMMANDS } from "../catalogue-compose.ts";
import { describeFlags } from "../flags/help.ts";
import { helpWidth } from "../help.ts";
import { COMPOSE_FLAGS } from "./flags.ts";

/** `compose --help`. */
export async function composeHelp(program: string): Promise<string> {
  const shown = COMPOSE_COMMANDS.filter((entry) => !entry.hidden);
  const commands = await Promise.all(shown.map((entry) => entry.load()));
  const rows = shown
    .map(({ names }, at) => `  ${names[0].slice("compose ".length).padEnd(12)}${commands[at]!.summary}`)
    .sort();
  return [
    `Usage:  ${program} compose [OPTIONS] COMMAND`,
    "Define and run multi-container applications",
    `Options:\n${describeFlags(COMPOSE_FLAGS, await helpWidth())}`,
    `Commands:\n${rows.join("\n")}`,
    `Run '${program} compose COMMAND --help' for more information on a command.\n`,
  ].join("\n\n");
}
