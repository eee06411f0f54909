import { command, exactly } from "../command.ts";
import { completionScript, SHELLS, type Shell } from "../completion/scripts.ts";
import { CommandError } from "../errors.ts";

export default command({
  names: ["completion"],
  summary: "Print the script that makes a shell complete command lines",
  usage: "bash|zsh|fish",
  arguments: exactly(1),
  flags: {},
  completes: [SHELLS],
  examples: [{ what: "In bash, from now on", words: "completion bash >/etc/bash_completion.d/berth" }],
  async run(context, _flags, [shell]) {
    if (!SHELLS.includes(shell as Shell)) {
      throw new CommandError(`unknown shell ${JSON.stringify(shell)}: must be one of ${SHELLS.join(", ")}`);
    }
    await context.stdout.write(completionScript(shell as Shell, context.program));
  },
});
