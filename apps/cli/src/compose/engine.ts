import { type ComposeEngine, type LoadedProject, serviceJson, type Target } from "@berth/compose";
import type { Context } from "../context.ts";
import { CommandError } from "../errors.ts";
import { PlainProgress, type ProgressView } from "./progress-plain.ts";
import { loadComposeProject } from "./project.ts";

/** What Compose's commands work with, joined with our configuration, terminal and registries. */
export async function composeEngine(
  context: Context,
  options: { title?: string; quiet?: boolean } = {},
): Promise<ComposeEngine & { progress: ProgressView }> {
  const [client, progress] = await Promise.all([context.client(), progressView(context, options)]);
  const {
    dryRun = false,
    compatibility = false,
    parallel = -1,
    ignoreOrphans = false,
  } = context.compose ?? {};
  return {
    client,
    progress,
    auth: async (registry) => {
      const { registryAuth } = await import("../config/registry-auth.ts");
      return registryAuth(context, registry);
    },
    apiAccess: {
      socket: client.address.kind === "unix" ? client.address.path : undefined,
      configuration: async () => {
        const { credentialsFile } = await import("../config/registry-auth.ts");
        return credentialsFile(context);
      },
    },
    builder: {
      build: async (target, services, request) => {
        const { buildServices } = await import("./build.ts");
        await buildServices(context, target, services, request);
      },
    },
    render: serviceJson,
    separator: compatibility ? "_" : "-",
    ignoreOrphans,
    ...(parallel > 0 && { atOnce: parallel }),
    ...(dryRun && {
      dryRun: async (plan: string) => {
        const lines = plan.split("\n").filter((line) => line !== "");
        await context.stderr.write(lines.map((line) => ` DRY-RUN MODE -  ${line}\n`).join(""));
      },
    }),
  };
}

/** How progress is shown: `--progress`, `--ansi`, and whether stderr is a terminal. */
export async function progressView(
  context: Context,
  options: { title?: string; quiet?: boolean } = {},
): Promise<ProgressView> {
  const { progress = "auto", ansi = "auto", statusOnStdout = false } = context.compose ?? {};
  const output = statusOnStdout ? context.stdout : context.stderr;
  if (options.quiet || progress === "quiet") {
    const { QuietProgress } = await import("./progress-plain.ts");
    return new QuietProgress(output);
  }
  if (progress === "json") {
    const { JsonProgress } = await import("./progress-plain.ts");
    return new JsonProgress(output);
  }
  const draws =
    progress === "tty" ||
    (progress === "auto" && ansi !== "never" && (await context.isTerminal(statusOnStdout ? 1 : 2)));
  if (!draws) return new PlainProgress(output);
  const [{ TerminalProgress }, { terminal }] = await Promise.all([
    import("./progress-terminal.ts"),
    import("../io/terminal.ts"),
  ]);
  return new TerminalProgress(output, {
    title: options.title ?? "Running",
    color: ansi !== "never" && !context.environment.NO_COLOR,
    size: () => terminal.size(2),
  });
}

/** Runs a command's work, and leaves the progress complete whatever happens. */
export async function withEngine<T>(
  context: Context,
  options: { title?: string; quiet?: boolean },
  act: (engine: ComposeEngine & { progress: ProgressView }) => Promise<T>,
): Promise<T> {
  const engine = await composeEngine(context, options);
  try {
    return await act(engine);
  } finally {
    await engine.progress.end();
  }
}

export type CommandTarget = Target & { disabled: readonly string[]; isLoaded: boolean };

export function targetOf(loaded: LoadedProject): CommandTarget {
  return { ...loaded, disabled: Object.keys(loaded.disabled), isLoaded: true };
}

/** The project of the file. @throws CommandError */
export async function loadTarget(context: Context, services: readonly string[] = []): Promise<CommandTarget> {
  return targetOf(await loadComposeProject(context, services.length > 0 ? { services } : {}));
}

/**
 * The project of the file; without a file, and with `-p` or COMPOSE_PROJECT_NAME, what its containers tell.
 * @throws CommandError
 */
export async function findTarget(context: Context, services: readonly string[] = []): Promise<CommandTarget> {
  const name = context.compose?.projectName ?? context.environment.COMPOSE_PROJECT_NAME;
  if (!name) return loadTarget(context, services);
  try {
    return await loadTarget(context, services);
  } catch (error) {
    if ((error as { kind?: string }).kind !== "not-found" || (context.compose?.files.length ?? 0) > 0)
      throw error;
  }
  const { observeContainers, targetFromContainers } = await import("@berth/compose");
  const containers = await observeContainers(await context.client(), name, { all: true });
  return { ...targetFromContainers(name, containers), disabled: [], isLoaded: false };
}

/** @throws CommandError for a service that the project has not. */
export function checkServices(target: CommandTarget, names: readonly string[]): void {
  for (const name of names) {
    if (!(name in target.project.services)) throw new CommandError(`no such service: ${name}`);
  }
}
