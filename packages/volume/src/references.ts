/** Which containers use which volumes. Only in memory: rebuilt from the containers' records when the daemon starts. */
export class References {
  readonly #users = new Map<string, Set<string>>();

  add(volume: string, user: string): void {
    let users = this.#users.get(volume);
    if (users === undefined) {
      users = new Set();
      this.#users.set(volume, users);
    }
    users.add(user);
  }

  remove(volume: string, user: string): void {
    const users = this.#users.get(volume);
    users?.delete(user);
    if (users?.size === 0) this.#users.delete(volume);
  }

  of(volume: string): string[] {
    return [...(this.#users.get(volume) ?? [])];
  }
}
