import type { Context } from "../context.ts";
import { CommandError } from "../errors.ts";

/** ctrl-p, ctrl-q. */
export const DEFAULT_DETACH_KEYS: readonly number[] = [16, 17];

/** `ctrl-p,ctrl-q`, `ctrl-@`, `a,b`, `DEL` as bytes. @throws CommandError in Docker's words. */
export function parseDetachKeys(text: string): number[] {
  return text.split(",").flatMap((key) => {
    if (key.length === 1) return [key.charCodeAt(0)];
    const found = /^ctrl-([a-z@[\\\]^_])$/i.exec(key);
    if (key === "DEL") return [127];
    if (found === null) throw new CommandError(`Unknown character: '${key}'`);
    return [found[1]!.toUpperCase().charCodeAt(0) & 31];
  });
}

/**
 * The keys that leave a container running: of the flag, or of config.json, or the default.
 * `query`: as the daemon takes them, empty for its own default.
 */
export async function detachKeysOf(
  context: Context,
  flag: string,
): Promise<{ keys: readonly number[]; query: string }> {
  const query = flag || ((await context.configuration()).file.detachKeys ?? "");
  if (query === "") return { keys: DEFAULT_DETACH_KEYS, query };
  return { keys: parseDetachKeys(query), query };
}

/** Watches what is typed for the keys that mean "leave it running". */
export class DetachWatch {
  readonly #keys: readonly number[];
  #matched = 0;

  constructor(keys: readonly number[]) {
    this.#keys = keys;
  }

  /**
   * @returns what may be sent: typed keys that could become the sequence are held back until it is clear that they do not.
   * `detached`: the sequence is complete.
   */
  take(typed: Uint8Array): { send: Uint8Array; detached: boolean } {
    const send: number[] = [];
    for (const byte of typed) {
      if (byte === this.#keys[this.#matched]) {
        this.#matched++;
        if (this.#matched === this.#keys.length) return { send: Uint8Array.from(send), detached: true };
        continue;
      }
      send.push(...this.#keys.slice(0, this.#matched));
      this.#matched = 0;
      if (byte === this.#keys[0] && this.#keys.length > 1) this.#matched = 1;
      else send.push(byte);
    }
    return { send: Uint8Array.from(send), detached: false };
  }
}
