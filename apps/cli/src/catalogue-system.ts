import type { Entry } from "./entry.ts";

/** Commands on network, volume, system, context, inspect. A colleague of the container commands' author is writing them. */
export const SYSTEM_COMMANDS: readonly Entry[] = [];
