import { log, unavailable } from "@berth/base";
import { closeQuietly, FORK_SERVER_ENVIRONMENT, MSG, SOCK, sendmsg, socketpair } from "@berth/linux";
import { type Subprocess, spawn } from "bun";
import type { LaunchMessage } from "./protocol.ts";

const ANNOUNCEMENT = Buffer.from(JSON.stringify({} satisfies LaunchMessage));

/**
 * The daemon's end of the shim-server, which is started at need and again when it ended.
 * `command`: how `berth shim-server` is run.
 */
export class ShimServer {
  readonly #command: readonly string[];
  #process: Subprocess | undefined;
  #socket = -1;

  constructor(command: readonly string[]) {
    this.#command = command;
  }

  /** Starts it ahead of the first launch. */
  warm(): void {
    if (this.#socket >= 0) return;
    const [ours, theirs] = socketpair(SOCK.SEQPACKET);
    try {
      const child = spawn([...this.#command], {
        // Descriptor 3 is where it takes launches.
        stdio: ["ignore", "ignore", "inherit", theirs],
        env: { ...process.env, ...FORK_SERVER_ENVIRONMENT },
        onExit: () => {
          if (this.#process !== child) return;
          if (this.#socket >= 0)
            log.warn("the shim-server ended; it is started again at the next container start");
          this.#forget();
        },
      });
      child.unref();
      this.#process = child;
      this.#socket = ours;
    } catch (error) {
      closeQuietly(ours);
      throw unavailable(`cannot start the shim-server: ${(error as Error).message}`, { cause: error });
    } finally {
      closeQuietly(theirs);
    }
  }

  /** A launch or an exec will come soon. */
  announce(): void {
    if (this.#socket < 0) return;
    try {
      sendmsg(this.#socket, ANNOUNCEMENT, [], MSG.DONTWAIT);
    } catch {
      // The launch itself will tell what is wrong.
    }
  }

  /** Hands over a launch; the descriptors stay the caller's. @throws unavailable */
  launch(message: LaunchMessage, descriptors: readonly number[]): void {
    const bytes = Buffer.from(JSON.stringify(message));
    for (let attempt = 0; ; attempt++) {
      this.warm();
      try {
        sendmsg(this.#socket, bytes, descriptors);
        return;
      } catch (error) {
        this.#forget();
        if (attempt > 0)
          throw unavailable(`the shim-server does not take launches: ${(error as Error).message}`, {
            cause: error,
          });
      }
    }
  }

  /** Ends it; shims live on. */
  close(): void {
    this.#forget();
  }

  #forget(): void {
    closeQuietly(this.#socket);
    this.#socket = -1;
    this.#process = undefined;
  }
}
