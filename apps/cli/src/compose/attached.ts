/** `up` in the foreground: output of all containers, ends, Ctrl-C. */
import { type Client, containerInspect } from "@berth/client";
import type { Context } from "../context.ts";
import { attachOutput, containerEvents, copyLogs, shortName, sinceTime } from "./follow.ts";
import type { LogPrinter, LogWriter } from "./log-printer.ts";

interface Watched {
  id: string;
  name: string;
  service: string;
  writer: LogWriter;
  /** Resolves when its output has ended. */
  output: Promise<void>;
  attached: boolean;
  ended: boolean;
}

export interface AttachedOptions {
  project: string;
  /** Whose output is shown. */
  isShown: (service: string) => boolean;
  /** Whether the end of one, or its failure, stops everything. */
  cascade: "never" | "exit" | "failure";
  /** Its exit status is ours. */
  exitCodeFrom: string;
  timestamps: boolean;
  /** Stops the project; a second Ctrl-C kills. */
  stop: () => Promise<void>;
  kill: () => Promise<void>;
}

/** Between the stop and the start of a restart from elsewhere. */
const RESTART_MS = 3000;

export class AttachedRun {
  readonly #context: Context;
  readonly #client: Client;
  readonly #printer: LogPrinter;
  readonly #options: AttachedOptions;
  readonly #watched = new Map<string, Watched>();
  readonly #abort = new AbortController();
  readonly #ended = Promise.withResolvers<void>();
  /** Containers of the project that run, shown or not. */
  readonly #running = new Set<string>();
  /** Got a signal: a restart from elsewhere begins like a stop. */
  readonly #killed = new Set<string>();
  #exitCode = 0;
  #exitFrom: string;
  /** When a container ended last: what it says in its next run is later. */
  readonly #endedAt = new Map<string, bigint>();
  #startsSeen = 0;
  #isAborting = false;
  #interrupts = 0;
  #isStarted = false;

  constructor(context: Context, client: Client, printer: LogPrinter, options: AttachedOptions) {
    this.#context = context;
    this.#client = client;
    this.#printer = printer;
    this.#options = options;
    this.#exitFrom = options.exitCodeFrom;
  }

  /** Subscribes to the project's events: before anything starts, so that no end is missed. */
  async begin(): Promise<void> {
    const events = await containerEvents(
      this.#client,
      this.#options.project,
      ["start", "kill", "die", "destroy"],
      this.#abort.signal,
    );
    void (async () => {
      try {
        for await (const event of events) {
          const { name = "", exitCode = "0" } = event.Actor.Attributes;
          const service = event.Actor.Attributes["com.docker.compose.service"] ?? "";
          if (event.Actor.Attributes["com.docker.compose.oneoff"] === "True") continue;
          if (event.Action === "start") this.#onStart(event.Actor.ID, name, service);
          else if (event.Action === "kill") this.#killed.add(event.Actor.ID);
          else if (event.Action === "die") {
            this.#endedAt.set(event.Actor.ID, event.timeNano);
            void this.#onEnd(event.Actor.ID, name, service, Number(exitCode));
          }
        }
        throw new Error("the daemon closed the stream of events");
      } catch (error) {
        if (!this.#abort.signal.aborted) this.#ended.reject(error);
      }
    })();
    this.#ended.promise.catch(() => {});
  }

  /** Names are known beforehand, so that all prefixes are of one width. */
  register(names: readonly string[]): void {
    for (const name of names) this.#printer.register(shortName(this.#options.project, name));
  }

  /** Before a container starts, or for one that runs already. */
  async attach(container: { id: string; name: string; service: string }, isRunning = false): Promise<void> {
    if (isRunning) this.#running.add(container.id);
    if (!this.#options.isShown(container.service)) return;
    const { id, name, service } = container;
    const writer = this.#printer.writer(shortName(this.#options.project, name));
    const output = this.#options.timestamps
      ? undefined
      : (await attachOutput(this.#client, id, writer, this.#abort.signal)).done;
    this.#watched.set(id, {
      id,
      name,
      service,
      writer,
      output: output ?? Promise.resolve(),
      attached: output !== undefined,
      ended: false,
    });
  }

  /** All that shall run was started: from now on the run ends with the last of them. */
  started(): void {
    this.#isStarted = true;
    if (this.#running.size === 0) void this.#finishSoon();
  }

  #onStart(id: string, name: string, service: string): void {
    this.#running.add(id);
    this.#killed.delete(id);
    this.#startsSeen++;
    if (!this.#options.isShown(service)) return;
    const known = this.#watched.get(id);
    if (known?.attached && !known.ended) return;
    // Started again, by a restart policy or from elsewhere, or a replica that joined. The event of a start comes when the
    // first output may have been written already.
    const writer = known?.writer ?? this.#printer.writer(shortName(this.#options.project, name));
    const since = sinceTime(this.#endedAt.get(id));
    const request = { follow: true, tail: "all", since, until: "", timestamps: this.#options.timestamps };
    const output = copyLogs(this.#client, id, writer, request, this.#abort.signal).catch(() => {});
    this.#watched.set(id, { id, name, service, writer, output, attached: true, ended: false });
  }

  async #onEnd(id: string, name: string, service: string, exitCode: number): Promise<void> {
    const watched = this.#watched.get(id);
    if (watched !== undefined) {
      watched.ended = true;
      await Promise.race([watched.output.catch(() => {}), Bun.sleep(2000)]);
      await watched.writer.flush();
      if (this.#interrupts === 0) {
        await this.#printer.status(shortName(this.#options.project, name), `exited with code ${exitCode}`);
      }
    }
    const restarts = await containerInspect(this.#client, id).then(
      ({ State: state }) => state.Restarting || state.Running,
      () => false,
    );
    if (restarts && !this.#isAborting) return;
    this.#running.delete(id);
    if (this.#killed.has(id) && !this.#isAborting && this.#running.size === 0) {
      const before = this.#startsSeen;
      for (
        let waited = 0;
        waited < RESTART_MS && before === this.#startsSeen && !this.#isAborting;
        waited += 50
      ) {
        await Bun.sleep(50);
      }
      if (before !== this.#startsSeen) return;
    }
    const { cascade } = this.#options;
    const isReason = cascade === "exit" || (cascade === "failure" && exitCode !== 0);
    if (isReason && (watched !== undefined || service === this.#exitFrom)) {
      this.#exitFrom ||= service;
      if (service === this.#exitFrom) this.#exitCode = exitCode;
      if (!this.#isAborting) {
        this.#isAborting = true;
        await this.#context.stdout.write("Aborting on container exit...\n");
        await this.#options.stop().catch((error: unknown) => this.#ended.reject(error));
      }
    }
    if (this.#isStarted && this.#running.size === 0) void this.#finishSoon();
  }

  /** The stops that are under way tell their ends first. */
  async #finishSoon(): Promise<void> {
    await Promise.all(
      [...this.#watched.values()].map(({ output }) => Promise.race([output, Bun.sleep(1000)])),
    );
    if (this.#running.size === 0) this.#ended.resolve();
  }

  /** Until all have ended or Ctrl-C was pressed. @returns the exit status. */
  async wait(): Promise<number> {
    const interrupted = Promise.withResolvers<number>();
    const onSignal = (): void => {
      this.#interrupts++;
      void this.#interrupt(interrupted.resolve, interrupted.reject);
    };
    process.on("SIGINT", onSignal);
    process.on("SIGTERM", onSignal);
    try {
      return await Promise.race([this.#ended.promise.then(() => this.#exitCode), interrupted.promise]);
    } finally {
      process.off("SIGINT", onSignal);
      process.off("SIGTERM", onSignal);
    }
  }

  async #interrupt(resolve: (status: number) => void, reject: (error: unknown) => void): Promise<void> {
    try {
      if (this.#interrupts === 1) {
        this.#isAborting = true;
        await this.#context.stdout.write("Gracefully stopping... (press Ctrl+C again to force)\n");
        await this.#options.stop();
      } else if (this.#interrupts === 2) {
        await this.#options.kill();
      } else {
        return;
      }
      await Promise.race([
        Promise.all([...this.#watched.values()].map(({ output }) => output.catch(() => {}))),
        Bun.sleep(1000),
      ]);
      resolve(130);
    } catch (error) {
      reject(error);
    }
  }

  close(): void {
    this.#abort.abort();
  }
}
