import type { Health, HealthConfig } from "@berth/api";
import { log, nowNanoseconds, rfc3339Nano } from "@berth/base";
import type { EngineContext } from "../context.ts";
import { runInContainer } from "../exec/run.ts";
import type { Container } from "./container.ts";
import { containerEvent } from "./events.ts";

const MILLISECOND = 1_000_000;
/** Docker's defaults, in milliseconds. */
const INTERVAL = 30_000;
const START_INTERVAL = 5_000;
const TIMEOUT = 30_000;
const RETRIES = 3;
const OUTPUT_LIMIT = 4096;
const KEPT_RESULTS = 5;

/** The command of a health check; undefined when there is none. */
export function healthCommand(
  health: HealthConfig | undefined,
  shell: readonly string[] | undefined,
): [string, ...string[]] | undefined {
  const [kind, ...words] = health?.Test ?? [];
  const [first, ...rest] = words;
  if (kind === "CMD" && first !== undefined) return [first, ...rest];
  if (kind === "CMD-SHELL" && first !== undefined) {
    const [program = "/bin/sh", ...options] = shell?.length ? shell : ["/bin/sh", "-c"];
    return [program, ...options, first];
  }
  if (kind !== undefined && !["NONE", "CMD", "CMD-SHELL"].includes(kind)) {
    log.warn(`unknown healthcheck type '${kind}' (expected 'CMD')`);
  }
  return undefined;
}

/** What the outcome of one probe makes of the health. Pure. */
export function judge(
  health: Health,
  config: HealthConfig,
  result: Health["Log"][number],
  sinceStart: number,
): Health {
  const next: Health = { ...health, Log: [...health.Log, result].slice(-KEPT_RESULTS) };
  if (result.ExitCode === 0) return { ...next, FailingStreak: 0, Status: "healthy" };
  const grace = health.Status === "starting" && sinceStart < (config.StartPeriod ?? 0) / MILLISECOND;
  if (grace) return next;
  next.FailingStreak = health.FailingStreak + 1;
  if (next.FailingStreak >= (config.Retries || RETRIES)) next.Status = "unhealthy";
  return next;
}

/** Milliseconds until the next probe. */
export function probeInterval(health: Health, config: HealthConfig, sinceStart: number): number {
  const startPeriod = (config.StartPeriod ?? 0) / MILLISECOND;
  if (health.Status === "starting" && startPeriod > 0 && sinceStart < startPeriod) {
    return Math.min(
      config.StartInterval ? config.StartInterval / MILLISECOND : START_INTERVAL,
      config.Interval ? config.Interval / MILLISECOND : INTERVAL,
    );
  }
  return config.Interval ? config.Interval / MILLISECOND : INTERVAL;
}

/** Probes one running container until stopped. */
export class HealthMonitor {
  readonly #engine: EngineContext;
  readonly #container: Container;
  readonly #config: HealthConfig;
  readonly #command: [string, ...string[]];
  readonly #startedAt: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  constructor(
    engine: EngineContext,
    container: Container,
    config: HealthConfig,
    command: [string, ...string[]],
  ) {
    this.#engine = engine;
    this.#container = container;
    this.#config = config;
    this.#command = command;
    this.#startedAt = Date.parse(container.state.startedAt) || Date.now();
    this.#schedule();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  get #sinceStart(): number {
    return Date.now() - this.#startedAt;
  }

  #schedule(): void {
    const health = this.#container.state.health;
    if (this.#stopped || health === undefined) return;
    this.#timer = setTimeout(() => void this.#probe(), probeInterval(health, this.#config, this.#sinceStart));
  }

  async #probe(): Promise<void> {
    const timeout = this.#config.Timeout ? this.#config.Timeout / MILLISECOND : TIMEOUT;
    const start = rfc3339Nano(nowNanoseconds());
    const result = await runInContainer(this.#engine, this.#container, this.#command, timeout, OUTPUT_LIMIT);
    const { state } = this.#container;
    if (this.#stopped || state.health === undefined) return;
    const before = state.health.Status;
    state.health = judge(
      state.health,
      this.#config,
      {
        Start: start,
        End: rfc3339Nano(nowNanoseconds()),
        ExitCode: result.timedOut ? -1 : result.exitCode,
        Output: result.timedOut ? `Health check exceeded timeout (${goDuration(timeout)})` : result.output,
      },
      this.#sinceStart,
    );
    if (state.health.Status !== before) {
      this.#engine.containers.saveState(this.#container);
      containerEvent(this.#engine, this.#container, `health_status: ${state.health.Status}`);
    }
    this.#schedule();
  }
}

/** Begins probing a container that runs now, when it has a health check. `fresh`: it was just started. */
export function startHealth(engine: EngineContext, container: Container, fresh: boolean): void {
  const { Healthcheck: config, Shell: shell } = container.record.config;
  const command = config && healthCommand(config, shell);
  if (config === undefined || command === undefined) {
    delete container.state.health;
    return;
  }
  const before = container.state.health;
  if (fresh || before === undefined) {
    container.state.health = { Status: "starting", FailingStreak: 0, Log: before?.Log ?? [] };
  }
  container.health = new HealthMonitor(engine, container, config, command);
}

/** Ends probing. What is not watched counts as unhealthy, as with Docker. */
export function stopHealth(container: Container): void {
  if (container.health === undefined) return;
  container.health.stop();
  delete container.health;
  if (container.state.health) container.state.health = { ...container.state.health, Status: "unhealthy" };
}

/** Milliseconds as Go prints a duration: `1.5s`, `2m0s`, `300ms`. */
export function goDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${milliseconds}ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  const rest = `${minutes % 60}m${seconds % 60}s`;
  return minutes < 60 ? rest : `${Math.floor(minutes / 60)}h${rest}`;
}
