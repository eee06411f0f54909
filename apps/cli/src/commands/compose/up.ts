import { kill, type LoadedProject, stop, up, withDependencies } from "@berth/compose";
import { atLeast, command } from "../../command.ts";
import { AttachedRun } from "../../compose/attached.ts";
import { composeEngine, progressView, targetOf } from "../../compose/engine.ts";
import { shortName } from "../../compose/follow.ts";
import { LogPrinter } from "../../compose/log-printer.ts";
import { loadComposeProject } from "../../compose/project.ts";
import { checkBuildFlags, orphansAreRemoved, recreatePolicies, SCALE_FLAG } from "../../compose/up-flags.ts";
import type { Context } from "../../context.ts";
import { CommandError } from "../../errors.ts";
import type { Parsed } from "../../flags/flag.ts";
import { bool, int, list, string } from "../../flags/types.ts";

const FLAGS = {
  "abort-on-container-exit": bool("Stop all containers if any container was stopped. Incompatible with -d"),
  "abort-on-container-failure": bool(
    "Stop all containers if any container exited with failure. Incompatible with -d",
  ),
  "always-recreate-deps": bool("Recreate dependent containers. Incompatible with --no-recreate"),
  attach: list("Restrict attaching to these services. Incompatible with --attach-dependencies", {
    type: "stringArray",
  }),
  "attach-dependencies": bool("Show the output of dependencies too"),
  build: bool("Build images before starting containers"),
  detach: bool("Run containers in the background", { shorthand: "d" }),
  "exit-code-from": string(
    "Return the exit code of this service's container. Implies --abort-on-container-exit",
  ),
  "force-recreate": bool("Recreate containers even if nothing of them has changed"),
  menu: bool("Take keys while output is shown (not supported)", { hidden: true }),
  "no-attach": list("Do not show the output of these services", { type: "stringArray" }),
  "no-build": bool("Do not build an image, even if it is missing"),
  "no-color": bool("Produce monochrome output"),
  "no-deps": bool("Do not start services that others depend on"),
  "no-log-prefix": bool("Do not print a prefix before each line"),
  "no-recreate": bool("Leave containers that exist as they are. Incompatible with --force-recreate"),
  "no-start": bool("Create containers, and do not start them"),
  pull: string('Pull images before running ("always"|"missing"|"never")', {
    values: ["always", "missing", "never"],
  }),
  "quiet-pull": bool("Pull without telling progress"),
  "remove-orphans": bool("Remove containers of services that the file no longer has"),
  "renew-anon-volumes": bool("Make anonymous volumes anew instead of carrying them over", { shorthand: "V" }),
  scale: SCALE_FLAG,
  timeout: int("Seconds that containers get to stop", { shorthand: "t", default: 0 }),
  timestamps: bool("Show when each line was written"),
  wait: bool("Wait until services run or are healthy. Implies -d"),
  "wait-timeout": int("Most seconds to wait"),
  watch: bool("Watch source code and refresh containers when it changes", { shorthand: "w" }),
  yes: bool('Assume "yes" to all questions', { shorthand: "y" }),
};

export default command({
  names: ["compose up"],
  summary: "Create and start containers",
  usage: "[OPTIONS] [SERVICE...]",
  arguments: atLeast(0),
  flags: FLAGS,
  async run(context, flags, services) {
    const { values, given } = flags;
    checkFlags(values);
    const isDetached = values.detach || values.wait || values["no-start"] || context.compose?.dryRun === true;
    const loaded = await loadComposeProject(context, services.length > 0 ? { services } : {});
    const engine = await composeEngine(context);
    const target = targetOf(loaded);
    const build = checkBuildFlags(values);
    const waiting = new AbortController();
    const timer =
      values["wait-timeout"] > 0
        ? setTimeout(
            () =>
              waiting.abort(
                new CommandError("application not healthy after " + `${values["wait-timeout"]}s`),
              ),
            values["wait-timeout"] * 1000,
          )
        : undefined;
    const request = {
      services,
      dependencies: !values["no-deps"],
      ...recreatePolicies(values),
      ...(build !== undefined && { build }),
      ...(values.pull !== "" && { pull: values.pull }),
      quietPull: values["quiet-pull"],
      renewAnonymousVolumes: values["renew-anon-volumes"],
      removeOrphans: orphansAreRemoved(context, values["remove-orphans"]),
      start: !values["no-start"],
      wait: values.wait,
      scale: values.scale,
      ...(given("timeout") && { timeout: values.timeout }),
      disabled: target.disabled,
    };
    if (isDetached) {
      try {
        await up(engine, target, request, { signal: waiting.signal });
      } finally {
        clearTimeout(timer);
        await engine.progress.end();
      }
      return 0;
    }
    return runAttached(context, flags, services, loaded, engine, request);
  },
});

type Values = Parsed<typeof FLAGS>["values"];

/** Which end of a container ends all. */
function cascadeOf(values: Values): "never" | "exit" | "failure" {
  if (values["abort-on-container-exit"] || values["exit-code-from"] !== "") return "exit";
  return values["abort-on-container-failure"] ? "failure" : "never";
}

function checkFlags(values: Values): void {
  if (values.menu) throw new CommandError("--menu is not supported");
  const cascade = cascadeOf(values) !== "never";
  if (values.detach && (values["attach-dependencies"] || cascade || values.attach.length > 0)) {
    throw new CommandError(
      "--detach cannot be combined with --abort-on-container-exit, --attach or --attach-dependencies",
    );
  }
  if (values["attach-dependencies"] && values.attach.length > 0) {
    throw new CommandError("cannot combine --attach and --attach-dependencies");
  }
  if (values.wait && (values.attach.length > 0 || cascade || values["attach-dependencies"])) {
    throw new CommandError(
      "--wait cannot be combined with --abort-on-container-exit, --attach or --attach-dependencies",
    );
  }
  if (
    values.pull !== "" &&
    !["always", "missing", "never", "build", "if_not_present"].includes(values.pull)
  ) {
    throw new CommandError(`invalid --pull option ${JSON.stringify(values.pull)}`);
  }
}

async function runAttached(
  context: Context,
  { values, given }: Parsed<typeof FLAGS>,
  services: readonly string[],
  loaded: LoadedProject,
  engine: Awaited<ReturnType<typeof composeEngine>>,
  request: Parameters<typeof up>[2],
): Promise<number> {
  const { client } = engine;
  const target = targetOf(loaded);
  const { project } = loaded;
  const chosen = withDependencies(project.services, services, { dependencies: request.dependencies });
  const shown = shownServices(loaded, services, chosen, values);
  const ansi = context.compose?.ansi ?? "auto";
  const color =
    !values["no-color"] && ansi !== "never" && (ansi === "always" || (await context.isTerminal(1)));
  const printer = new LogPrinter(context.stdout, context.stderr, { color, prefix: !values["no-log-prefix"] });
  const timeout = given("timeout") ? { timeout: values.timeout } : {};
  const withProgress = async (
    title: string,
    act: (progress: typeof engine) => Promise<void>,
  ): Promise<void> => {
    const progress = await progressView(context, { title });
    if (await context.isTerminal(1)) printer.divert(progress.above?.bind(progress));
    try {
      await act({ ...engine, progress });
    } finally {
      printer.divert(undefined);
      await progress.end();
    }
  };
  // An interrupt ends what is being started before it stops what was.
  const interrupt = new AbortController();
  let starting: Promise<unknown> = Promise.resolve();
  const settle = async () => {
    interrupt.abort(new CommandError("canceled", 130));
    await starting.catch(() => {});
  };
  const run = new AttachedRun(context, client, printer, {
    project: project.name,
    isShown: (service) => shown.has(service),
    cascade: cascadeOf(values),
    exitCodeFrom: values["exit-code-from"],
    timestamps: values.timestamps,
    stop: async () => {
      await settle();
      await withProgress("Stopping", (now) => stop(now, target, { services: [...chosen], ...timeout }));
    },
    kill: () =>
      withProgress("Killing", (now) =>
        kill(now, target, { services: [...chosen], signalName: "SIGKILL", removeOrphans: false }),
      ),
  });
  const ended = run.wait();
  ended.catch(() => {});
  let names: string[] = [];
  let isQuiet = false;
  // Once output flows, progress is over.
  const showOutput = async () => {
    if (isQuiet) return;
    isQuiet = true;
    await engine.progress.end();
    if (names.length > 0) await context.stdout.write(`Attaching to ${[...names].sort().join(", ")}\n`);
  };
  const progress = {
    event: (event: Parameters<typeof engine.progress.event>[0]) => {
      if (!isQuiet) engine.progress.event(event);
    },
    warn: (message: string) => engine.progress.warn(message),
  };
  try {
    await run.begin();
    starting = up({ ...engine, progress }, target, request, {
      signal: interrupt.signal,
      beforeStart: async (container) => {
        await showOutput();
        await run.attach(container);
      },
      onHookOutput: (container, bytes) => void printer.writer(container).write("stdout", bytes),
      planned: async ({ containers, unchanged }) => {
        const all = [...containers].filter(([service]) => shown.has(service)).flatMap(([, each]) => each);
        names = all.map((name) => shortName(project.name, name));
        run.register([...all].sort());
        for (const { container, running } of unchanged) if (running) await run.attach(container, true);
      },
    });
    starting.catch(() => {});
    // What Ctrl-C or a container's end broke off is stopped, and how that ends counts.
    const begun = starting.catch((error: unknown) => {
      if (!interrupt.signal.aborted) throw error;
    });
    try {
      await Promise.race([begun, ended]);
      if (!interrupt.signal.aborted) await begun;
    } catch (error) {
      await engine.progress.end();
      await withProgress("Stopping", (now) => stop(now, target, { services: [...chosen], ...timeout }));
      throw error;
    }
    if (!interrupt.signal.aborted) {
      await showOutput();
      if (values.watch) {
        const { watchProject } = await import("../../compose/watch.ts");
        void watchProject(context, engine, target, {
          services: [...chosen],
          quiet: false,
          signal: interrupt.signal,
        });
      }
    }
    run.started();
    return await ended;
  } finally {
    run.close();
    await engine.progress.end();
  }
}

/** Whose output is shown: what was named, or all but those that say `attach: false`. */
function shownServices(
  { project }: LoadedProject,
  named: readonly string[],
  chosen: ReadonlySet<string>,
  values: Values,
): Set<string> {
  let shown: string[];
  if (values.attach.length > 0) shown = values.attach;
  else if (named.length > 0 && !values["attach-dependencies"]) shown = [...named];
  else shown = [...chosen];
  const from = values["exit-code-from"];
  for (const name of [...values["no-attach"], ...(from === "" ? [] : [from])]) {
    if (!(name in project.services)) throw new CommandError(`no such service: ${name}`);
  }
  const strangers = values.attach.filter((name) => !chosen.has(name));
  if (strangers.length > 0) {
    throw new CommandError(`cannot attach to services not included in up: ${strangers.join(", ")}`);
  }
  return new Set(
    shown.filter(
      (name) =>
        !values["no-attach"].includes(name) &&
        (values.attach.includes(name) || project.services[name]?.attach !== false),
    ),
  );
}
