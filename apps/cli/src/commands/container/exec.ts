import {
  type Client,
  containerInspect,
  execCreate,
  execInspect,
  execResize,
  execRun,
  execStart,
  execStartDetached,
  type Hijacked,
} from "@berth/client";
import { atLeast, command } from "../../command.ts";
import { readKeyValues, resolveEnvironment } from "../../container-options/key-values.ts";
import type { Context } from "../../context.ts";
import { CommandError } from "../../errors.ts";
import { bool, list, string } from "../../flags/types.ts";
import { detachKeysOf } from "../../streams/detach-keys.ts";
import { checkTerminal, outcomeOf, startSession } from "../../streams/session.ts";

export default command({
  names: ["container exec", "exec"],
  summary: "Run a command in a running container",
  usage: "[OPTIONS] CONTAINER COMMAND [ARG...]",
  arguments: atLeast(2),
  argumentsAreACommand: true,
  completes: ["running-container", "none"],
  flags: {
    detach: bool("Run in the background", { shorthand: "d" }),
    "detach-keys": string("Keys that leave it running (ctrl-p,ctrl-q)"),
    env: list("Environment variable: NAME=value, or NAME to pass ours", {
      shorthand: "e",
      check: (text) => resolveEnvironment(text, process.env),
    }),
    "env-file": list("File of environment variables, one a line", { values: "file" }),
    interactive: bool("Connect stdin", { shorthand: "i" }),
    privileged: bool("Give the command every privilege"),
    tty: bool("Give it a terminal", { shorthand: "t" }),
    user: string("User and group: NAME|UID[:GROUP|GID]", { shorthand: "u" }),
    workdir: string("Working folder", { shorthand: "w" }),
  },
  examples: [{ what: "A shell in a running container", words: "exec -it web sh" }],
  async run(context, { values }, [container = "", ...words]) {
    const env = read(() => readKeyValues(values["env-file"], values.env, (key) => context.environment[key]));
    const client = await context.client();
    const { tty } = values;
    const attach = !values.detach;
    const stdin = attach && values.interactive;
    if (stdin && tty && !(await context.isTerminal(0))) {
      // An unknown container is told first.
      await containerInspect(client, container);
      await checkTerminal(context, stdin, tty);
    }
    const { keys, query } = await detachKeysOf(context, values["detach-keys"]);
    const size = tty && attach ? await terminalSize(context) : undefined;
    const config = {
      User: values.user,
      Privileged: values.privileged,
      Tty: tty,
      ...(size !== undefined && { ConsoleSize: [size.rows, size.columns] }),
      AttachStdin: stdin,
      AttachStderr: attach,
      AttachStdout: attach,
      Detach: values.detach,
      DetachKeys: query,
      Env: env.length === 0 ? null : env,
      WorkingDir: values.workdir,
      Cmd: words,
    };
    if (attach && !tty) {
      const begun = await execRun(client, container, config);
      if (!("Id" in begun)) return runBegun(context, begun, stdin);
      return runAttached(context, client, known(begun.Id), { tty, stdin, keys, size });
    }
    const id = known((await execCreate(client, container, config)).Id);
    if (values.detach) {
      await execStartDetached(client, id, { Tty: tty });
      return 0;
    }
    return runAttached(context, client, id, { tty, stdin, keys, size });
  },
});

function read<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw new CommandError((error as Error).message);
  }
}

function known(id: string | undefined): string {
  if (!id) throw new CommandError("exec ID empty");
  return id;
}

/** The daemon has started it, and tells the exit status at the end of the stream. */
async function runBegun(context: Context, stream: Hijacked, stdin: boolean): Promise<number> {
  const outcome = await outcomeOf<{ ExitCode: number }>(context, stream, {
    stdin,
    stdout: true,
    stderr: true,
  });
  if (outcome === undefined) throw new CommandError("the daemon broke the stream off");
  return outcome.ExitCode;
}

type Size = { rows: number; columns: number };

async function terminalSize(context: Context): Promise<Size | undefined> {
  if (!(await context.isTerminal(1))) return undefined;
  const { terminal } = await import("../../io/terminal.ts");
  return terminal.size(1);
}

async function runAttached(
  context: Context,
  client: Client,
  id: string,
  options: { tty: boolean; stdin: boolean; keys: readonly number[]; size: Size | undefined },
): Promise<number> {
  const { tty, stdin, size } = options;
  const stream = await execStart(client, id, {
    Tty: tty,
    ...(size !== undefined && { ConsoleSize: [size.rows, size.columns] as [number, number] }),
  });
  const session = await startSession(context, stream, {
    tty,
    stdin,
    stdout: true,
    stderr: true,
    detachKeys: options.keys,
  });
  const cleanUp = [session.close];
  try {
    if (tty && (await context.isTerminal(1))) {
      const { followTerminalSize } = await import("../../streams/signals.ts");
      cleanUp.push(await followTerminalSize((now) => execResize(client, id, now)));
    }
    if ((await session.done) === "detached") throw new CommandError("read escape sequence");
  } finally {
    for (const undo of cleanUp.reverse()) undo();
  }
  return (await execInspect(client, id)).ExitCode ?? 0;
}
