import { containerAttach, containerInspect, containerResize } from "@berth/client";
import { command, exactly } from "../../command.ts";
import { CommandError } from "../../errors.ts";
import { bool, string } from "../../flags/types.ts";
import { detachKeysOf } from "../../streams/detach-keys.ts";
import { awaitExit } from "../../streams/exit.ts";
import { checkTerminal, startSession } from "../../streams/session.ts";

export default command({
  names: ["container attach", "attach"],
  summary: "Connect our streams with those of a running container",
  usage: "[OPTIONS] CONTAINER",
  arguments: exactly(1),
  completes: ["running-container", "none"],
  flags: {
    "detach-keys": string("Keys that leave it running (ctrl-p,ctrl-q)"),
    "no-stdin": bool("Do not connect stdin"),
    "sig-proxy": bool("Pass signals that we get on to it", { default: true }),
  },
  examples: [
    { what: "Its screen and keyboard; ctrl-p ctrl-q leaves it running", words: "attach shell" },
    { what: "Only to look on", words: "attach --no-stdin web" },
  ],
  async run(context, { values }, [name = ""]) {
    const client = await context.client();
    // Before anything else, so that its end is not missed.
    const [{ status }, container] = await Promise.all([
      awaitExit(context, client, name, undefined),
      containerInspect(client, name),
    ]);
    const { Config: config, State: state } = container;
    if (!state.Running) throw new CommandError("You cannot attach to a stopped container, start it first");
    if (state.Paused) throw new CommandError("You cannot attach to a paused container, unpause it first");
    if (state.Restarting) {
      throw new CommandError("You cannot attach to a restarting container, wait until it is running");
    }
    const stdin = !values["no-stdin"] && config.OpenStdin;
    await checkTerminal(context, stdin, config.Tty);
    const { keys, query } = await detachKeysOf(context, values["detach-keys"]);
    const cleanUp: (() => void)[] = [];
    try {
      if (values["sig-proxy"] && !config.Tty) {
        const { proxySignals } = await import("../../streams/signals.ts");
        cleanUp.push(proxySignals(client, name));
      }
      const stream = await containerAttach(client, name, {
        stream: true,
        stdin,
        stdout: true,
        stderr: true,
        detachKeys: query,
      });
      const session = await startSession(context, stream, {
        tty: config.Tty,
        stdin,
        stdout: true,
        stderr: true,
        detachKeys: keys,
      });
      cleanUp.push(session.close);
      if (config.Tty && (await context.isTerminal(1))) {
        const { followTerminalSize } = await import("../../streams/signals.ts");
        cleanUp.push(
          await followTerminalSize((size) => containerResize(client, name, size), { redraw: true }),
        );
      }
      if ((await session.done) === "detached") throw new CommandError("read escape sequence");
      return await status;
    } finally {
      for (const undo of cleanUp.reverse()) undo();
    }
  },
});
