/** Users with bcrypt hashes, as `htpasswd -B` writes them. A password that was right once is not hashed again for some minutes. */
const REMEMBER_MILLISECONDS = 300_000;
const MOST_REMEMBERED = 10_000;

export class Htpasswd {
  readonly #hashes: ReadonlyMap<string, string>;
  /** By a keyed hash of user and password, with the time until which they are believed. */
  readonly #known = new Map<string, number>();
  readonly #secret = crypto.getRandomValues(new Uint8Array(32));
  /** Checks that run, so that a hundred requests at once hash once. */
  readonly #running = new Map<string, Promise<boolean>>();

  private constructor(hashes: ReadonlyMap<string, string>) {
    this.#hashes = hashes;
  }

  /** @throws Error naming the line that is no bcrypt hash. */
  static parse(text: string): Htpasswd {
    const hashes = new Map<string, string>();
    for (const [index, line] of text.split(/\r?\n/).entries()) {
      const trimmed = line.trim();
      if (trimmed === "" || trimmed.startsWith("#")) continue;
      const colon = trimmed.indexOf(":");
      const hash = trimmed.slice(colon + 1);
      if (colon < 1 || !/^\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}$/.test(hash))
        throw new Error(`line ${index + 1} is not USER:BCRYPT-HASH (make it with htpasswd -B)`);
      hashes.set(trimmed.slice(0, colon), hash.replace(/^\$2[axy]\$/, "$2b$"));
    }
    return new Htpasswd(hashes);
  }

  async verify(user: string, password: string): Promise<boolean> {
    const key = new Bun.CryptoHasher("sha256", this.#secret).update(`${user}\0${password}`).digest("base64");
    const until = this.#known.get(key);
    if (until !== undefined && until > Date.now()) return true;
    const running = this.#running.get(key) ?? this.#check(key, user, password);
    this.#running.set(key, running);
    return await running;
  }

  async #check(key: string, user: string, password: string): Promise<boolean> {
    try {
      const hash = this.#hashes.get(user);
      // An unknown user costs as much time as a known one.
      const isRight = await Bun.password.verify(password === "" ? "\0" : password, hash ?? NOBODY, "bcrypt");
      if (hash === undefined || !isRight) return false;
      if (this.#known.size >= MOST_REMEMBERED) this.#known.clear();
      this.#known.set(key, Date.now() + REMEMBER_MILLISECONDS);
      return true;
    } catch {
      return false;
    } finally {
      this.#running.delete(key);
    }
  }
}

/** A hash of a random text that nobody has. */
const NOBODY = "$2b$05$hZmjYwBKcWmyR..66czeMOu1pwTS1Awymhr61PcVOFFj99m6zvYVi";
