import { type Entry, entry } from "./entry.ts";

/** Commands on Compose projects. Flags before the command's name: compose/flags.ts. */
export const COMPOSE_COMMANDS: readonly Entry[] = [
  entry(["compose version"], () => import("./commands/compose/version.ts")),
];
