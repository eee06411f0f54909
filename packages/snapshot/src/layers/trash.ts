import { mkdirSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { log, systemError } from "@berth/base";

/** Removals that come within this time share one process, in milliseconds. */
const PAUSE = 150;
/** What could not be deleted is tried again after this time, and after twice as long each time that it fails again, in milliseconds. */
const FIRST_RETRY = 1000;
const LONGEST_RETRY = 60_000;
/** rm(1) works with descriptors: it follows no link, and depth does not matter. */
const DELETE = ["nice", "-n", "10", "rm", "-rf", "--one-file-system", "--"];
/** Milliseconds that the end of the daemon waits for deletions; what is left then goes after the next start. */
const LAST_PATIENCE = 2000;

/** How many trees this process has taken: names are of all its trashes, which may be in one folder. */
let taken = 0;

/**
 * Where trees go that are no longer needed: moving takes a moment however large a tree is, and it is deleted in the background
 * by a process of low priority. What cannot be deleted yet (a container's layer is still mounted for a moment after its end) is
 * tried again; what a crash leaves is deleted after the next start.
 */
export class Trash implements AsyncDisposable {
  readonly #folder: string;
  readonly #command: readonly string[];
  #deleting: Promise<void> | undefined;
  #waiting = false;
  #hurry: (() => void) | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #retryAfter = FIRST_RETRY;
  /** Ends the process that deletes. */
  readonly #stop = new AbortController();

  /** `folder` must be on the file system of what is thrown away. `command`: gets the paths to delete. */
  constructor(folder: string, command: readonly string[] = DELETE) {
    this.#folder = folder;
    this.#command = command;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (readdirSync(folder).length > 0) this.#schedule();
  }

  /** Takes `path`, file or folder, before it returns; nothing happens when it does not exist. */
  take(path: string): void {
    const target = join(this.#folder, `${process.pid}-${Date.now().toString(36)}-${++taken}`);
    try {
      renameSync(path, target);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
      throw error;
    }
    this.#schedule();
  }

  /** Resolves when nothing is left to delete, but for what could not be deleted at a last attempt. */
  async empty(): Promise<void> {
    if (this.#retry !== undefined) this.#schedule();
    while (this.#deleting !== undefined && !this.#stop.signal.aborted) {
      this.#hurry?.();
      await this.#deleting;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const patience = setTimeout(() => this.#stop.abort(), LAST_PATIENCE);
    await this.empty();
    clearTimeout(patience);
    clearTimeout(this.#retry);
  }

  /** Removals that come together share one process, which starts when whoever asked for them has the answer. */
  async #pause(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, PAUSE);
      this.#hurry = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#hurry = undefined;
  }

  #schedule(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#waiting = true;
    this.#deleting ??= this.#run().finally(() => {
      this.#deleting = undefined;
    });
  }

  async #run(): Promise<void> {
    while (this.#waiting && !this.#stop.signal.aborted) {
      await this.#pause();
      this.#waiting = false;
      try {
        await deleteTrees(
          this.#command,
          readdirSync(this.#folder).map((name) => join(this.#folder, name)),
          this.#stop.signal,
        );
        this.#retryAfter = FIRST_RETRY;
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        log.warn("a removed tree could not be deleted yet", { error });
        this.#retryLater();
      }
    }
  }

  #retryLater(): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#schedule(), this.#retryAfter);
    // The daemon ends without it.
    this.#retry.unref();
    this.#retryAfter = Math.min(this.#retryAfter * 2, LONGEST_RETRY);
  }
}

/** @throws after all that can be deleted is. */
async function deleteTrees(
  command: readonly string[],
  paths: readonly string[],
  stop: AbortSignal,
): Promise<void> {
  let complaint = "";
  // Far below the limit of arguments to a process.
  for (let at = 0; at < paths.length && !stop.aborted; at += 500) {
    const some = paths.slice(at, at + 500);
    const child = Bun.spawn([...command, ...some], {
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
      signal: stop,
    });
    const said = await new Response(child.stderr).text();
    if ((await child.exited) !== 0) complaint ||= said.trim().slice(0, 1000) || "rm failed";
  }
  if (complaint !== "") throw systemError(complaint);
}
