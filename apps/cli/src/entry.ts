import type { Command } from "./command.ts";

/** Where a command is: its module is loaded when it is asked for. */
export interface Entry {
  /** The first is the canonical one. */
  names: readonly [string, ...string[]];
  hidden?: boolean;
  load(): Promise<Command>;
}

type Module = Promise<{ default: unknown }>;

export const entry = (names: readonly [string, ...string[]], load: () => Module, hidden = false): Entry => ({
  names,
  hidden,
  load: async () => (await load()).default as Command,
});
