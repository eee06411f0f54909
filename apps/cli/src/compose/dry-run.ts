import type { Command } from "../command.ts";
import { bool } from "../flags/types.ts";

/** `--dry-run` may stand behind any of Compose's commands, too. */
export function withDryRun(command: Command): Command {
  return {
    ...command,
    flags: { ...command.flags, "dry-run": bool("Tell what would be done, and do nothing") },
    run(context, flags, args) {
      const { compose } = context;
      const dryRun = flags.values["dry-run"] === true || (compose?.dryRun ?? false);
      return command.run(
        compose === undefined ? context : { ...context, compose: { ...compose, dryRun } },
        flags,
        args,
      );
    },
  };
}
