import { type Client, containerInspect, containerLogs, demultiplex, type Response } from "@berth/client";
import { command, exactly } from "../../command.ts";
import type { Context } from "../../context.ts";
import { CommandError } from "../../errors.ts";
import { timestamp } from "../../flags/timestamp.ts";
import { bool, string } from "../../flags/types.ts";

export default command({
  names: ["container logs", "logs"],
  summary: "Show what a container has written",
  usage: "[OPTIONS] CONTAINER",
  arguments: exactly(1),
  completes: ["container"],
  flags: {
    details: bool("Show the attributes that were logged with each line"),
    follow: bool("Stay, and show what comes", { shorthand: "f" }),
    since: string('Begin with lines since this time ("2013-01-02T13:23:37Z"), or this long ago ("42m")'),
    tail: string("Begin with the last n lines", { shorthand: "n", default: "all" }),
    timestamps: bool("Show when each line was written", { shorthand: "t" }),
    until: string('End with lines before this time ("2013-01-02T13:23:37Z"), or this long ago ("42m")'),
  },
  examples: [
    { what: "The last lines, and those to come", words: "logs -f -n 20 web" },
    { what: "Errors only", words: "logs web >/dev/null" },
  ],
  async run(context, { values }, [name = ""]) {
    const client = await context.client();
    const now = Date.now();
    const logs = await containerLogs(client, name, {
      stdout: true,
      stderr: true,
      follow: values.follow,
      timestamps: values.timestamps,
      details: values.details,
      since: time("since", values.since, now),
      until: time("until", values.until, now),
      tail: values.tail,
    });
    await ((await isMultiplexed(client, name, logs)) ? copyBoth(context, logs) : copy(context, logs));
  },
});

function time(flag: string, text: string, now: number): string {
  try {
    return timestamp(text, now);
  } catch (error) {
    throw new CommandError(`invalid value for "${flag}": ${(error as Error).message}`);
  }
}

/** The answer tells since API 1.42; earlier, whether the container has a terminal. */
async function isMultiplexed(client: Client, name: string, logs: Response): Promise<boolean> {
  const type = logs.headers.get("content-type") ?? "";
  if (type.startsWith("application/vnd.docker.multiplexed-stream")) return true;
  const { versionLessThan } = await import("@berth/client");
  if (type.startsWith("application/vnd.docker.raw-stream") && !versionLessThan(client.apiVersion, "1.42")) {
    return false;
  }
  return !(await containerInspect(client, name)).Config?.Tty;
}

async function copy({ stdout }: Context, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of bytes) await stdout.write(chunk);
}

async function copyBoth({ stdout, stderr }: Context, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const frame of demultiplex(bytes)) {
    if (frame.stream === "error") {
      throw new CommandError(`error from daemon in stream: ${new TextDecoder().decode(frame.bytes)}`);
    }
    await (frame.stream === "stdout" ? stdout : stderr).write(frame.bytes);
  }
}
