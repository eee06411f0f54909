/** `watch`: changed files of a developer go into running containers, or make images and containers anew. */
import { existsSync, type FSWatcher, watch } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import {
  containerPutArchive,
  containerRestart,
  demultiplex,
  execCreate,
  execInspect,
  execStart,
} from "@berth/client";
import {
  type ComposeEngine,
  observeContainers,
  type TarEntry,
  tarOf,
  up,
  type WatchTrigger,
} from "@berth/compose";
import { IgnoreMatcher, readIgnoreFile } from "@berth/spec/dockerignore";
import type { Context } from "../context.ts";
import { describeError } from "../describe-error.ts";
import { CommandError } from "../errors.ts";
import { buildServices } from "./build.ts";
import type { CommandTarget } from "./engine.ts";

export interface WatchOptions {
  services: readonly string[];
  quiet: boolean;
  signal: AbortSignal;
}

interface Rule {
  service: string;
  trigger: WatchTrigger;
  /** Of the trigger and of the build's .dockerignore. */
  isIgnored: (path: string) => boolean;
}

/** Changes within this time are taken together: editors write a file in several steps. */
const QUIET_MS = 200;
/** What editors and version control leave beside the files that one works on. */
const NEVER = ["**/.git", "**/*~", "**/.*.sw?", "**/.#*", "**/#*#", "**/.DS_Store", "**/4913", "**/.idea"];

/** Until the signal fires. @throws CommandError when no chosen service has something to watch. */
export async function watchProject(
  context: Context,
  engine: ComposeEngine,
  target: CommandTarget,
  options: WatchOptions,
): Promise<void> {
  const rules = await rulesOf(target, options.services);
  if (rules.length === 0) {
    throw new CommandError(
      "none of the selected services is configured for watch, consider setting an 'develop' section",
    );
  }
  const watcher = new ProjectWatcher(context, engine, target, rules, options);
  await watcher.run();
}

async function rulesOf(target: CommandTarget, services: readonly string[]): Promise<Rule[]> {
  const rules: Rule[] = [];
  const names = services.length > 0 ? services : Object.keys(target.project.services);
  for (const name of names) {
    const service = target.project.services[name];
    const folder = service?.build?.context;
    const ignoreFile = folder === undefined ? "" : join(folder, ".dockerignore");
    const patterns = existsSync(ignoreFile) ? readIgnoreFile(await readFile(ignoreFile, "utf8")) : [];
    const ofBuild = new IgnoreMatcher(patterns);
    for (const trigger of service?.develop?.watch ?? []) {
      if (trigger.action === "rebuild" && service?.build === undefined) {
        throw new CommandError(
          `can't watch service ${JSON.stringify(name)} with action rebuild without a build context`,
        );
      }
      const own = new IgnoreMatcher([...NEVER, ...(trigger.ignore ?? [])]);
      const included = trigger.include === undefined ? undefined : new IgnoreMatcher(trigger.include);
      rules.push({
        service: name,
        trigger,
        isIgnored: (path) => {
          const inTrigger = relative(trigger.path, path);
          if (inTrigger !== "" && own.excludes(inTrigger)) return true;
          if (included !== undefined && inTrigger !== "" && !included.excludes(inTrigger)) return true;
          if (folder === undefined) return false;
          const inBuild = relative(folder, path);
          return inBuild !== "" && !inBuild.startsWith("..") && ofBuild.excludes(inBuild);
        },
      });
    }
  }
  return rules;
}

class ProjectWatcher {
  readonly #context: Context;
  readonly #engine: ComposeEngine;
  readonly #target: CommandTarget;
  readonly #rules: readonly Rule[];
  readonly #options: WatchOptions;
  readonly #changed = new Set<string>();
  readonly #watchers: FSWatcher[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #working: Promise<void> = Promise.resolve();

  constructor(
    context: Context,
    engine: ComposeEngine,
    target: CommandTarget,
    rules: readonly Rule[],
    options: WatchOptions,
  ) {
    this.#context = context;
    this.#engine = engine;
    this.#target = target;
    this.#rules = rules;
    this.#options = options;
  }

  async run(): Promise<void> {
    for (const rule of this.#rules) if (rule.trigger.initial_sync) await this.#syncAll(rule);
    for (const path of new Set(this.#rules.map(({ trigger }) => trigger.path))) await this.#watch(path);
    await this.#say("Watch enabled");
    await new Promise<void>((end) => {
      if (this.#options.signal.aborted) end();
      this.#options.signal.addEventListener("abort", () => end(), { once: true });
    });
    for (const watcher of this.#watchers) watcher.close();
    clearTimeout(this.#timer);
    await this.#working;
  }

  async #watch(path: string): Promise<void> {
    const found = await stat(path).catch(() => undefined);
    if (found === undefined) {
      await this.#context.stderr.write(`path ${path} is not there: it is not watched\n`);
      return;
    }
    // A file that an editor replaces is seen through its folder only.
    const folder = found.isDirectory() ? path : dirname(path);
    const watcher = watch(folder, { recursive: found.isDirectory() }, (_event, name) => {
      if (name === null) return;
      const changed = resolve(folder, String(name));
      if (!found.isDirectory() && changed !== path) return;
      this.#changed.add(changed);
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#take(), QUIET_MS);
    });
    this.#watchers.push(watcher);
  }

  #take(): void {
    const paths = [...this.#changed];
    this.#changed.clear();
    this.#working = this.#working.then(async () => {
      try {
        await this.#apply(paths);
      } catch (error) {
        await this.#context.stderr.write(`${describeError(this.#context.program, error)}\n`);
      }
    });
  }

  async #apply(paths: readonly string[]): Promise<void> {
    for (const service of new Set(this.#rules.map((rule) => rule.service))) {
      const touched: { rule: Rule; paths: string[] }[] = [];
      for (const rule of this.#rules.filter((each) => each.service === service)) {
        const own = paths.filter((path) => isBelow(rule.trigger.path, path) && !rule.isIgnored(path));
        if (own.length > 0) touched.push({ rule, paths: own });
      }
      if (touched.length === 0) continue;
      // A new image holds everything that would be synced.
      if (touched.some(({ rule }) => rule.trigger.action === "rebuild")) {
        await this.#rebuild(service);
        continue;
      }
      let restarts = false;
      for (const { rule, paths: own } of touched) {
        const { action } = rule.trigger;
        if (action.startsWith("sync")) await this.#sync(rule, own);
        if (action === "sync+exec") await this.#exec(rule);
        if (action === "restart" || action === "sync+restart") restarts = true;
      }
      if (restarts) await this.#restart(service);
    }
  }

  async #containers(service: string): Promise<string[]> {
    const { client } = this.#engine;
    const found = await observeContainers(client, this.#target.project.name, {
      services: [service],
      oneOff: "exclude",
    });
    return found.map(({ id }) => id);
  }

  async #syncAll(rule: Rule): Promise<void> {
    const { path } = rule.trigger;
    const found = await stat(path).catch(() => undefined);
    if (found === undefined) return;
    const names = found.isDirectory() ? await readdir(path, { recursive: true }) : [];
    const paths = found.isDirectory() ? names.map((name) => join(path, name)) : [path];
    await this.#sync(
      rule,
      paths.filter((each) => !rule.isIgnored(each)),
    );
  }

  async #sync(rule: Rule, paths: readonly string[]): Promise<void> {
    const { trigger, service } = rule;
    const target = trigger.target ?? "";
    if (target === "") throw new CommandError(`service ${service}: watch of ${trigger.path} has no target`);
    const files: TarEntry[] = [];
    const removed: string[] = [];
    for (const path of paths) {
      const inside = relative(trigger.path, path);
      const to = inside === "" ? target : `${target.replace(/\/$/, "")}/${inside}`;
      const found = await stat(path).catch(() => undefined);
      if (found === undefined) removed.push(to);
      else {
        const owner = { path: to, uid: 0, gid: 0, mode: found.mode & 0o7777 };
        if (found.isDirectory()) files.push({ ...owner, content: new Uint8Array(0), directory: true });
        else if (found.isFile()) files.push({ ...owner, content: new Uint8Array(await readFile(path)) });
      }
    }
    const count = files.length + removed.length;
    if (count === 0) return;
    await this.#say(`Syncing service ${JSON.stringify(service)} after ${count} changes were detected`);
    const tar = files.length > 0 ? tarOf(files) : undefined;
    const { client } = this.#engine;
    await Promise.all(
      (await this.#containers(service)).map(async (id) => {
        if (removed.length > 0) await runIn(this.#engine, id, { command: ["rm", "-rf", ...removed] });
        if (tar !== undefined) await containerPutArchive(client, id, "/", tar, { copyUIDGID: true });
      }),
    );
  }

  async #exec({ trigger, service }: Rule): Promise<void> {
    const hook = trigger.exec;
    if (hook?.command == null) return;
    for (const id of await this.#containers(service)) {
      const code = await runIn(this.#engine, id, {
        command: hook.command,
        ...(hook.user !== undefined && { user: hook.user }),
        ...(hook.working_dir !== undefined && { workingDirectory: hook.working_dir }),
        environment: Object.entries(hook.environment ?? {}).map(([name, value]) => `${name}=${value ?? ""}`),
        output: (bytes) => this.#context.stdout.write(bytes),
      });
      if (code !== 0) await this.#say(`exec on service ${JSON.stringify(service)} ended with status ${code}`);
    }
  }

  async #restart(service: string): Promise<void> {
    const ids = await this.#containers(service);
    await Promise.all(ids.map((id) => containerRestart(this.#engine.client, id)));
    await this.#say(`service ${JSON.stringify(service)} restarted`);
  }

  async #rebuild(service: string): Promise<void> {
    await this.#say(`Rebuilding service ${JSON.stringify(service)} after changes were detected...`);
    const engine: ComposeEngine = {
      ...this.#engine,
      builder: {
        build: (target, services, request) =>
          buildServices(this.#context, target, services, { ...request, quiet: this.#options.quiet }),
      },
    };
    await up(engine, this.#target, {
      services: [service],
      dependencies: false,
      build: true,
      recreate: "diverged",
      recreateDependencies: "never",
      renewAnonymousVolumes: false,
      removeOrphans: false,
      start: true,
      wait: false,
      scale: new Map(),
      scaleDown: false,
      disabled: this.#target.disabled,
    });
    await this.#say(`service ${JSON.stringify(service)} successfully built`);
  }

  #say(text: string): Promise<void> {
    return this.#context.stdout.write(`${text}\n`);
  }
}

function isBelow(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder.endsWith("/") ? folder : `${folder}/`);
}

interface InnerCommand {
  command: readonly string[];
  user?: string;
  workingDirectory?: string;
  environment?: readonly string[];
  output?: (bytes: Uint8Array) => Promise<void>;
}

async function runIn({ client }: ComposeEngine, id: string, inner: InnerCommand): Promise<number> {
  const { Id: exec } = await execCreate(client, id, {
    Cmd: [...inner.command],
    AttachStdout: true,
    AttachStderr: true,
    User: inner.user ?? "",
    WorkingDir: inner.workingDirectory ?? "",
    Env: [...(inner.environment ?? [])],
  });
  const stream = await execStart(client, exec, { Tty: false });
  try {
    for await (const frame of demultiplex(stream)) await inner.output?.(frame.bytes);
  } finally {
    stream.destroy();
  }
  return (await execInspect(client, exec)).ExitCode ?? 0;
}
