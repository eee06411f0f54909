import { type Client, containerList, containerStats, systemEvents } from "@berth/client";
import { atLeast as atLeastArguments, type Command, command } from "../../command.ts";
import type { Context } from "../../context.ts";
import { describeError } from "../../describe-error.ts";
import { CommandError } from "../../errors.ts";
import { bool, string } from "../../flags/types.ts";
import { FORMAT_HELP } from "../../format/help.ts";
import { renderRows } from "../../format/rows.ts";
import { shortId } from "../../format/text.ts";
import { STATS_ROW, statsRow, type Usage } from "./stats-row.ts";

const TABLE =
  "table {{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}";
const REDRAW_MS = 500;
/** A sample comes every second: after this time none is known. */
const STALE_MS = 2000;

/** One container's stream of samples. */
interface Watched extends Usage {
  /** Resolves with the first sample, or when none came in time. */
  first: Promise<void>;
  failure: unknown;
  stop(): void;
}

export default command({
  names: ["container stats", "stats"],
  summary: "Show what containers use, live",
  usage: "[OPTIONS] [CONTAINER...]",
  arguments: atLeastArguments(0),
  completes: ["running-container"],
  flags: {
    all: bool("Show those that do not run too", { shorthand: "a" }),
    format: string(FORMAT_HELP),
    "no-stream": bool("Show it once"),
    "no-trunc": bool("Show ids in full"),
  },
  examples: [
    {
      what: "Once, in columns of your choice",
      words: "stats --no-stream --format 'table {{.Name}}\\t{{.MemUsage}}'",
    },
  ],
  async run(context, { values }, names) {
    const asked = values.format || (await context.configuration()).file.statsFormat || "table";
    const format = asked === "table" ? TABLE : asked;
    const client = await context.client();
    const stream = !values["no-stream"];
    const watched = new Map<string, Watched>();
    const add = (key: string, name: string) => {
      if (!watched.has(key)) watched.set(key, watch(client, name, stream));
    };
    const ended = Promise.withResolvers<never>();
    ended.promise.catch(() => {});
    if (names.length === 0) {
      // Subscribed before the list is asked for: none is missed.
      if (stream) await follow(client, values.all, watched, add, ended.reject);
      for (const { Id } of await containerList(client, { all: values.all })) add(Id, shortId(Id));
    } else {
      for (const name of names) add(name, name);
    }
    await Promise.race([Promise.all([...watched.values()].map(({ first }) => first)), ended.promise]);
    if (names.length > 0) throwFailures(context, watched.values());
    const render = () =>
      renderRows(
        STATS_ROW,
        format,
        [...watched.values()].map((each) => statsRow(each, !values["no-trunc"])),
      );
    if (!stream) return context.stdout.write(await render());
    for (;;) {
      await context.stdout.write(screen(await render()));
      if (watched.size === 0 && names.length > 0) return;
      await Promise.race([Bun.sleep(REDRAW_MS), ended.promise]);
    }
  },
} satisfies Command);

/** Overwrites what was drawn before, line by line, which does not flicker as clearing would. */
function screen(text: string): string {
  const lines = text.split("\n").map((line) => `${line} \x1b[K\n`);
  return `\x1b[H${lines.join("")}\x1b[J`;
}

function throwFailures(context: Context, watched: Iterable<Watched>): void {
  const failures = [...watched].flatMap(({ failure }) =>
    failure === undefined ? [] : [describeError(context.program, failure)],
  );
  if (failures.length > 0) throw new CommandError(failures.join("\n"));
}

/** Keeps the containers that are watched those that there are. `fail`: called when the events end. */
async function follow(
  client: Client,
  all: boolean,
  watched: Map<string, Watched>,
  add: (key: string, name: string) => void,
  fail: (error: unknown) => void,
): Promise<void> {
  const events = await systemEvents(client, { filters: new Map([["type", ["container"]]]) });
  const remove = (id: string) => {
    watched.get(id)?.stop();
    watched.delete(id);
  };
  const handle = async () => {
    for await (const {
      Action: action,
      Actor: { ID: id },
    } of events) {
      if (action === "destroy" || (action === "die" && !all)) remove(id);
      else if (action === "start") {
        // A stopped container's stream gives no samples of its next run on every daemon.
        remove(id);
        add(id, shortId(id));
      } else if (action === "create" && all) add(id, shortId(id));
    }
    throw new CommandError("the daemon closed the stream of events");
  };
  void handle().catch(fail);
}

function watch(client: Client, name: string, stream: boolean): Watched {
  const first = Promise.withResolvers<void>();
  const abort = new AbortController();
  const usage: Watched = {
    container: name,
    id: "",
    name: "",
    sample: undefined,
    first: first.promise,
    failure: undefined,
    stop: () => abort.abort(),
  };
  let timer: ReturnType<typeof setTimeout> | undefined;
  const expectMore = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      usage.sample = undefined;
      first.resolve();
    }, STALE_MS);
  };
  const run = async () => {
    if (stream) expectMore();
    for await (const sample of await containerStats(client, name, { stream, signal: abort.signal })) {
      usage.sample = sample;
      usage.id = sample.id;
      usage.name = sample.name;
      first.resolve();
      if (!stream) return;
      expectMore();
    }
  };
  void run()
    .catch((error: unknown) => {
      if (!abort.signal.aborted) usage.failure = error;
    })
    .finally(() => {
      if (usage.failure !== undefined || !stream) clearTimeout(timer);
      first.resolve();
    });
  return usage;
}
