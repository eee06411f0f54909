import { atLeast, command } from "../../command.ts";
import { asFlags, selectContainer } from "../../compose/select.ts";
import { resolveEnvironment } from "../../container-options/key-values.ts";
import { CommandError } from "../../errors.ts";
import { bool, int, list, string } from "../../flags/types.ts";
import exec from "../container/exec.ts";

export default command({
  names: ["compose exec"],
  summary: "Execute a command in a running container",
  usage: "[OPTIONS] SERVICE COMMAND [ARGS...]",
  arguments: atLeast(2),
  argumentsAreACommand: true,
  flags: {
    detach: bool("Run in the background", { shorthand: "d" }),
    env: list("Environment variable: NAME=value", {
      shorthand: "e",
      type: "stringArray",
      check: (text) => resolveEnvironment(text, process.env),
    }),
    index: int("Number of the container, if the service has several"),
    interactive: bool("Connect stdin", { shorthand: "i", default: true, hidden: true }),
    "no-TTY": bool("Give it no terminal", { shorthand: "T" }),
    privileged: bool("Give the command every privilege"),
    tty: bool("Give it a terminal", { shorthand: "t", hidden: true }),
    user: string("Run as this user", { shorthand: "u" }),
    workdir: string("Working folder", { shorthand: "w" }),
  },
  async run(context, { values, given }, [service = "", ...words]) {
    if (context.compose?.dryRun) throw new CommandError("exec is not supported in dry-run mode");
    const { container } = await selectContainer(context, service, values.index, { running: true });
    // docker-compose v1 gives a terminal where there is one, and so do we.
    const isTerminal = (await context.isTerminal(0)) && (await context.isTerminal(1));
    const tty = given("tty") ? values.tty && isTerminal : !values["no-TTY"] && isTerminal;
    return exec.run(
      context,
      asFlags({
        detach: values.detach,
        "detach-keys": "",
        env: values.env,
        "env-file": [],
        interactive: values.interactive,
        privileged: values.privileged,
        tty,
        user: values.user,
        workdir: values.workdir,
      }),
      [container.id, ...words],
    );
  },
});
