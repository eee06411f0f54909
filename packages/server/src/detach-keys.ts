/** `ctrl-p,ctrl-q`. */
const DEFAULT = Uint8Array.of(16, 17);

/** Bytes of Docker's notation: characters and `ctrl-x`, with commas between; empty: the default. @returns undefined when it is wrong. */
export function parseDetachKeys(text: string | undefined): Uint8Array | undefined {
  if (text === undefined || text === "") return DEFAULT;
  const bytes: number[] = [];
  for (const key of text.split(",")) {
    if (/^[\x20-\x7e]$/.test(key)) bytes.push(key.charCodeAt(0));
    else if (key === "DEL") bytes.push(127);
    else {
      const control = /^ctrl-([a-z@[\\\]^_])$/.exec(key)?.[1];
      if (control === undefined) return undefined;
      bytes.push(control.toUpperCase().charCodeAt(0) & 0x1f);
    }
  }
  return Uint8Array.from(bytes);
}

/** Watches input for the detach keys. A begun sequence is held back until the next byte tells. */
export class DetachScanner {
  readonly #keys: Uint8Array;
  #matched = 0;

  constructor(keys: Uint8Array) {
    this.#keys = keys;
  }

  /** @returns what goes on to the container, and whether the whole sequence was typed. What follows it is dropped. */
  feed(chunk: Uint8Array): { forward: Uint8Array; detached: boolean } {
    if (this.#matched === 0 && !chunk.includes(this.#keys[0] as number))
      return { forward: chunk, detached: false };
    const forward: number[] = [];
    for (const byte of chunk) {
      if (byte !== this.#keys[this.#matched] && this.#matched > 0) {
        forward.push(...this.#keys.subarray(0, this.#matched));
        this.#matched = 0;
      }
      if (byte === this.#keys[this.#matched]) this.#matched++;
      else forward.push(byte);
      if (this.#matched === this.#keys.length) {
        this.#matched = 0;
        return { forward: Uint8Array.from(forward), detached: true };
      }
    }
    return { forward: Uint8Array.from(forward), detached: false };
  }
}
