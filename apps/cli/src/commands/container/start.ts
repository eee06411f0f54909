import {
  type Client,
  containerAttach,
  containerInspect,
  containerResize,
  containerStart,
} from "@berth/client";
import { atLeast, command } from "../../command.ts";
import type { Context } from "../../context.ts";
import { describeError } from "../../describe-error.ts";
import { CommandError } from "../../errors.ts";
import { bool, string } from "../../flags/types.ts";
import { detachKeysOf } from "../../streams/detach-keys.ts";
import { awaitExit } from "../../streams/exit.ts";
import { checkTerminal, startSession } from "../../streams/session.ts";

export default command({
  names: ["container start", "start"],
  summary: "Start one or more stopped containers",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  arguments: atLeast(1),
  completes: ["stopped-container"],
  flags: {
    attach: bool("Show its output, and pass signals on", { shorthand: "a" }),
    checkpoint: string("Go on from this checkpoint", { hidden: true }),
    "checkpoint-dir": string("Folder of the checkpoint", { hidden: true }),
    "detach-keys": string("Keys that leave it running (ctrl-p,ctrl-q)"),
    interactive: bool("Connect stdin", { shorthand: "i" }),
  },
  examples: [{ what: "Start it, and talk to it", words: "start -ai shell" }],
  async run(context, { values }, names) {
    if (values.checkpoint !== "" || values["checkpoint-dir"] !== "") {
      throw new CommandError("checkpoints are not supported");
    }
    const client = await context.client();
    if (values.attach || values.interactive) {
      if (names.length > 1) {
        throw new CommandError("you cannot start and attach multiple containers at once");
      }
      return startAttached(context, client, names[0]!, values);
    }
    await startAll(context, client, names);
    return 0;
  },
});

async function startAll(context: Context, client: Client, names: readonly string[]): Promise<void> {
  const failures: string[] = [];
  const failed: string[] = [];
  for (const name of names) {
    try {
      await containerStart(client, name);
    } catch (error) {
      failures.push(describeError(context.program, error));
      failed.push(name);
      continue;
    }
    await context.stdout.write(`${name}\n`);
  }
  if (failed.length > 0) {
    throw new CommandError(`${failures.join("\n")}\nError: failed to start containers: ${failed.join(", ")}`);
  }
}

async function startAttached(
  context: Context,
  client: Client,
  name: string,
  flags: { attach: boolean; interactive: boolean; "detach-keys": string },
): Promise<number> {
  const { Id: id, Config: config, HostConfig: hostConfig } = await containerInspect(client, name);
  const stdin = flags.interactive && config.OpenStdin;
  await checkTerminal(context, stdin, config.Tty);
  const { keys, query } = await detachKeysOf(context, flags["detach-keys"]);
  const cleanUp: (() => void)[] = [];
  try {
    if (!config.Tty) {
      const { proxySignals } = await import("../../streams/signals.ts");
      cleanUp.push(proxySignals(client, id));
    }
    const [stream, { status }] = await Promise.all([
      containerAttach(client, id, { stream: true, stdin, stdout: true, stderr: true, detachKeys: query }),
      awaitExit(context, client, id, hostConfig.AutoRemove ? "removed" : "next-exit"),
    ]);
    const session = await startSession(context, stream, {
      tty: config.Tty,
      stdin,
      stdout: true,
      stderr: true,
      detachKeys: keys,
    });
    cleanUp.push(session.close);
    await containerStart(client, id);
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
