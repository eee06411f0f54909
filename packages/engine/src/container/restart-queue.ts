import type { Container } from "./container.ts";

/** Containers that wait for their next start by policy. Who starts them is said by `onDue`. */
export class RestartQueue {
  readonly #timers = new Map<Container, ReturnType<typeof setTimeout>>();
  /** Called when a container's delay is over. */
  onDue: (container: Container) => void = () => {};

  /** After the container's `restartDelay`. */
  schedule(container: Container): void {
    this.cancel(container);
    const due = () => {
      this.#timers.delete(container);
      this.onDue(container);
    };
    this.#timers.set(container, setTimeout(due, container.restartDelay));
  }

  cancel(container: Container): void {
    clearTimeout(this.#timers.get(container));
    this.#timers.delete(container);
  }

  has(container: Container): boolean {
    return this.#timers.has(container);
  }

  close(): void {
    for (const container of [...this.#timers.keys()]) this.cancel(container);
  }
}
