import { BerthError, log, messageOf, setLogLevel } from "@berth/base";
import { Api, Gate } from "@berth/server";
import { COMMIT, VERSION } from "./build-info.ts";
import { parseArguments } from "./config/arguments.ts";
import { helpText } from "./config/help.ts";
import { loadConfig, reloadConfig } from "./config/load.ts";
import type { DaemonConfig } from "./config/options.ts";
import { openListeners } from "./listeners.ts";
import { notifySystemd } from "./notify.ts";
import { Pidfile } from "./pidfile.ts";
import { prepareRoots } from "./roots.ts";
import { stopRequested } from "./signals.ts";
import type { Daemon } from "./wiring.ts";

/** `berth daemon …`: runs until it is told to stop. Ends the process with status 1 when it cannot start. */
export async function daemonMain(argv: string[]): Promise<void> {
  let flags: Partial<DaemonConfig>;
  try {
    flags = parseArguments(argv);
  } catch (error) {
    return fail(`${messageOf(error)}\nSee 'berth daemon --help'.`);
  }
  if (flags.help === true) return print(helpText());
  if (flags.version === true) return print(`Berth version ${VERSION}, build ${COMMIT}\n`);
  let config: DaemonConfig;
  try {
    config = loadConfig(flags);
  } catch (error) {
    return fail(messageOf(error));
  }
  if (config.validate) return print("configuration OK\n");
  try {
    await run(config, flags);
  } catch (error) {
    const hint = error instanceof BerthError && error.hint !== undefined ? `\n${error.hint}` : "";
    return fail(`failed to start daemon: ${messageOf(error)}${hint}`);
  }
  process.exit(0);
}

function print(text: string): void {
  process.stdout.write(text);
}

/** Undoing what was begun has happened by now; timers and sockets of parts that failed must not keep the process. */
function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

async function run(initial: DaemonConfig, flags: Partial<DaemonConfig>): Promise<void> {
  if (process.geteuid?.() !== 0) throw new Error("berth daemon needs to be started with root privileges");
  process.umask(0o022);
  setLevel(initial);
  log.info("Starting up");
  using roots = prepareRoots(initial.dataRoot, initial.execRoot);
  using _pidfile = Pidfile.create(initial.pidfile);
  let config: DaemonConfig = { ...initial, dataRoot: roots.dataRoot, execRoot: roots.execRoot };
  let daemon: Daemon | undefined;
  const stop = stopRequested(() => {
    notifySystemd("RELOADING=1");
    config = reloadConfig(config, flags);
    setLevel(config);
    daemon?.reload(config);
    log.info("Reloaded configuration");
    notifySystemd("READY=1");
  });

  const gate = new Gate();
  const listeners = await openListeners(gate, config);
  const shutdown = new AbortController();
  let api: Api | undefined;
  try {
    const { wire } = await import("./wiring.ts");
    daemon = await wire(config);
    api = new Api(daemon.backends, { engineVersion: VERSION, shutdown: shutdown.signal });
    gate.open(api);
    log.info("Daemon has completed initialization");
    for (const { address } of listeners) log.info(`API listen on ${address}`);
    notifySystemd("READY=1");
    await stop;
    notifySystemd("STOPPING=1");
  } finally {
    // Who waits for a container or is attached to it is told its end, before the connections go.
    api?.drain();
    for (const each of listeners) each.stopAccepting();
    await daemon?.stop({ keepContainers: config.liveRestore, timeoutSeconds: config.shutdownTimeout });
    shutdown.abort();
    await Promise.all(listeners.map((each) => each.close()));
  }
}

function setLevel(config: DaemonConfig): void {
  const level = config.debug ? "debug" : config.logLevel;
  setLogLevel(level === "fatal" ? "error" : (level as Parameters<typeof setLogLevel>[0]));
}
