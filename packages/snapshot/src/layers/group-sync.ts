import { systemError } from "@berth/base";

/**
 * Flushes a file system to the disk (syncfs(2)), for many callers with as few flushes as possible: who asks while a flush
 * runs shares the next one. In a process of its own, because the call can take seconds.
 */
export class GroupSync {
  readonly #path: string;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** Everything that was written before the call is on the disk when it resolves. */
  async sync(): Promise<void> {
    if (this.#running === undefined) return await this.#start();
    this.#next ??= this.#running
      .catch(() => {})
      .then(() => {
        this.#next = undefined;
        return this.#start();
      });
    return await this.#next;
  }

  #start(): Promise<void> {
    this.#running = flush(this.#path).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }
}

async function flush(path: string): Promise<void> {
  const child = Bun.spawn(["sync", "--file-system", path], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const complaint = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw systemError(complaint.trim() || `cannot flush ${path} to the disk`);
}
