import {
  ApiError,
  type Client,
  containerAttach,
  containerResize,
  containerStart,
  type Hijacked,
  type RunOutcome,
} from "@berth/client";
import { atLeast, command } from "../../command.ts";
import type { ContainerRequest } from "../../container-options/body.ts";
import {
  beginContainer,
  NOT_RUN,
  orNotRun,
  readContainerRequest,
} from "../../container-options/create-container.ts";
import { CONTAINER_FLAGS } from "../../container-options/flags.ts";
import type { Context } from "../../context.ts";
import { CommandError } from "../../errors.ts";
import { bool, string } from "../../flags/types.ts";
import { detachKeysOf } from "../../streams/detach-keys.ts";
import { awaitExit, notWaited, statusOf } from "../../streams/exit.ts";
import { checkTerminal, outcomeOf } from "../../streams/session.ts";

const RUN_FLAGS = {
  ...CONTAINER_FLAGS,
  detach: bool("Run in the background and print the id", { shorthand: "d" }),
  "detach-keys": string("Keys that leave it running (ctrl-p,ctrl-q)"),
  "sig-proxy": bool("Pass signals that we get on to it", { default: true }),
};

export default command({
  names: ["container run", "run"],
  summary: "Make a container from an image and run it",
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  arguments: atLeast(1),
  argumentsAreACommand: true,
  completes: ["image", "none"],
  flags: RUN_FLAGS,
  examples: [
    { what: "A shell that is gone afterwards", words: "run --rm -it debian:bookworm bash" },
    { what: "A server with its data in a volume", words: "run -d --name web -p 8080:80 -v web:/data shop:1" },
  ],
  async run(context, flags, args) {
    const { values } = flags;
    const request = await readContainerRequest(context, flags, args);
    const { config, hostConfig } = request;
    if (values.detach) {
      if (values.attach.length > 0) {
        throw new CommandError("conflicting options: cannot specify both --attach and --detach");
      }
      Object.assign(config, {
        AttachStdin: false,
        AttachStdout: false,
        AttachStderr: false,
        StdinOnce: false,
      });
    } else {
      await checkTerminal(context, config.AttachStdin, config.Tty);
    }
    const client = await context.client();
    if (config.Tty && !values.detach) await tellSize(context, hostConfig);
    const isAttached = config.AttachStdin || config.AttachStdout || config.AttachStderr;
    const inOne = !values.detach && isAttached && !config.Tty && values["detach-keys"] === "";
    const { id, stream } = await orNotRun(context, () =>
      beginContainer(context, client, request, flags, inOne),
    );
    if (stream !== undefined) return runBegun(context, client, id, stream, request, values["sig-proxy"]);
    if (values.detach) {
      await start(context, client, id);
      await context.stdout.write(`${id}\n`);
      return 0;
    }
    return runAttached(context, client, id, request, {
      detachKeys: values["detach-keys"],
      signals: values["sig-proxy"],
      printId: !isAttached,
    });
  },
});

/** The daemon can give the terminal its size before the program looks at it. */
async function tellSize(context: Context, hostConfig: ContainerRequest["hostConfig"]): Promise<void> {
  if (!(await context.isTerminal(1))) return;
  const { terminal } = await import("../../io/terminal.ts");
  const size = terminal.size(1);
  if (size !== undefined) hostConfig.ConsoleSize = [size.rows, size.columns];
}

/** The daemon has attached and started it, and tells the outcome at the end of the stream. */
async function runBegun(
  context: Context,
  client: Client,
  id: string,
  stream: Hijacked,
  { config }: ContainerRequest,
  signals: boolean,
): Promise<number> {
  let cleanUp = () => {};
  if (signals) {
    const { proxySignals } = await import("../../streams/signals.ts");
    cleanUp = proxySignals(client, id);
  }
  try {
    const outcome = await outcomeOf<RunOutcome>(context, stream, {
      stdin: config.AttachStdin,
      stdout: config.AttachStdout,
      stderr: config.AttachStderr,
    });
    if (outcome === undefined) return await notWaited(context, "unexpected EOF");
    if (!("NotStarted" in outcome)) return await statusOf(context, outcome);
    const { status, message } = outcome.NotStarted;
    return await asStart(context, () => Promise.reject(new ApiError(status, message)));
  } finally {
    cleanUp();
  }
}

async function runAttached(
  context: Context,
  client: Client,
  id: string,
  { config, hostConfig }: ContainerRequest,
  options: { detachKeys: string; signals: boolean; printId: boolean },
): Promise<number> {
  const cleanUp: (() => void)[] = [];
  try {
    if (options.signals && !config.Tty) {
      const { proxySignals } = await import("../../streams/signals.ts");
      cleanUp.push(proxySignals(client, id));
    }
    if (options.printId) {
      const { status } = await awaitExit(
        context,
        client,
        id,
        hostConfig.AutoRemove ? "removed" : "next-exit",
      );
      await start(context, client, id);
      await context.stdout.write(`${id}\n`);
      return hostConfig.AutoRemove ? await status : 0;
    }
    const { keys, query } = await detachKeysOf(context, options.detachKeys);
    // The start must find both waiting, so that no output and no exit is missed.
    const [stream, { status }] = await orNotRun(context, () =>
      Promise.all([
        containerAttach(client, id, {
          stream: true,
          stdin: config.AttachStdin,
          stdout: config.AttachStdout,
          stderr: config.AttachStderr,
          detachKeys: query,
        }),
        awaitExit(context, client, id, hostConfig.AutoRemove ? "removed" : "next-exit"),
      ]),
    );
    const { startSession } = await import("../../streams/session.ts");
    const session = await startSession(context, stream, {
      tty: config.Tty,
      stdin: config.AttachStdin,
      stdout: config.AttachStdout,
      stderr: config.AttachStderr,
      detachKeys: keys,
    });
    cleanUp.push(session.close);
    try {
      await start(context, client, id);
    } catch (error) {
      session.close();
      // It is removed by the daemon; nothing of it shall be left when we end.
      if (hostConfig.AutoRemove) await status;
      throw error;
    }
    if (config.Tty && (await context.isTerminal(1))) {
      const { followTerminalSize } = await import("../../streams/signals.ts");
      cleanUp.push(await followTerminalSize((size) => containerResize(client, id, size)));
    }
    if ((await session.done) === "detached") return 0;
    return await status;
  } finally {
    for (const undo of cleanUp.reverse()) undo();
  }
}

function start(context: Context, client: Client, id: string): Promise<void> {
  return asStart(context, () => containerStart(client, id));
}

async function asStart<T>(context: Context, act: () => Promise<T>): Promise<T> {
  try {
    return await orNotRun(context, act);
  } catch (error) {
    throw startFailure(error);
  }
}

/** 127: there is no such program; 126: it cannot be executed; 125: anything else. */
function startFailure(error: unknown): unknown {
  if (!(error instanceof CommandError)) return error;
  const { message } = error;
  const has = (...texts: string[]) => texts.some((text) => message.includes(text));
  const status = has(
    "executable file not found",
    "no such file or directory",
    "system cannot find the file specified",
  )
    ? 127
    : has("permission denied", "is a directory")
      ? 126
      : NOT_RUN;
  return new CommandError(message, status, { pointsToHelp: error.pointsToHelp, cause: error.cause });
}
