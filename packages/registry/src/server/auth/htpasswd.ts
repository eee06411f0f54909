import { readFileSync, statSync } from "node:fs";
import { log, messageOf } from "@berth/base";
import { Turns } from "./turns.ts";

/** A password that was right is not hashed again for so long. */
const REMEMBER_MILLISECONDS = 300_000;
const MOST_REMEMBERED = 10_000;
/** Hashes computed at once: they and the files' work share a few threads. */
const HASHES_AT_ONCE = 2;
const MOST_WAITING = 500;
/** bcrypt's own limit. Apache's htpasswd, and so everybody who checks its hashes, cuts there. */
const PASSWORD_BYTES = 72;
const BCRYPT = /^\$2[abxy]\$(\d\d)\$[./A-Za-z0-9]{53}$/;

/** The part of a password that bcrypt sees. */
export function bcryptPassword(password: string): Uint8Array {
  // bcrypt takes the zero behind the text too, so it knows an empty one.
  return Buffer.from(password === "" ? "\0" : password).subarray(0, PASSWORD_BYTES);
}

/** Users with bcrypt hashes, as `htpasswd -B` writes them. */
export class Htpasswd {
  readonly #hashes: ReadonlyMap<string, string>;
  /** Of an unknown user: it costs as much time as the most costly known one. */
  readonly #nobody: string;
  /** By a keyed hash of user and password, with the time until which they are believed. */
  readonly #known = new Map<string, number>();
  readonly #secret = crypto.getRandomValues(new Uint8Array(32));
  /** Checks that run, so that a hundred requests at once hash once. */
  readonly #running = new Map<string, Promise<boolean>>();
  readonly #turns = new Turns(HASHES_AT_ONCE, MOST_WAITING);
  /** Lines of users whose hash is of another kind: nobody can log in as them. */
  readonly ignored: readonly number[];

  private constructor(hashes: ReadonlyMap<string, string>, ignored: readonly number[]) {
    this.#hashes = hashes;
    this.ignored = ignored;
    const costs = [...hashes.values()].map((hash) => hash.slice(4, 6)).sort();
    this.#nobody = `$2b$${costs.at(-1) ?? "05"}$${NOBODY}`;
  }

  /** @throws Error naming the line that is none of a user. */
  static parse(text: string): Htpasswd {
    const hashes = new Map<string, string>();
    const ignored: number[] = [];
    for (const [index, line] of text.split(/\r?\n/).entries()) {
      const trimmed = line.trim();
      if (trimmed === "" || trimmed.startsWith("#")) continue;
      const colon = trimmed.indexOf(":");
      if (colon < 1) throw new Error(`line ${index + 1} is not USER:BCRYPT-HASH (make it with htpasswd -B)`);
      const hash = trimmed.slice(colon + 1);
      if (BCRYPT.test(hash)) hashes.set(trimmed.slice(0, colon), hash.replace(/^\$2[axy]\$/, "$2b$"));
      else ignored.push(index + 1);
    }
    return new Htpasswd(hashes, ignored);
  }

  /** @throws UNAVAILABLE when too many checks wait. */
  async verify(user: string, password: string): Promise<boolean> {
    const key = new Bun.CryptoHasher("sha256", this.#secret).update(`${user}\0${password}`).digest("base64");
    const until = this.#known.get(key);
    if (until !== undefined && until > Date.now()) return true;
    const running = this.#running.get(key) ?? this.#check(key, user, password);
    this.#running.set(key, running);
    return await running;
  }

  /** Of a user's present password; undefined when there is no such user. */
  stampOf(user: string): string | undefined {
    const hash = this.#hashes.get(user);
    return hash === undefined ? undefined : new Bun.CryptoHasher("sha256").update(hash).digest("base64url");
  }

  async #check(key: string, user: string, password: string): Promise<boolean> {
    try {
      const hash = this.#hashes.get(user);
      const isRight = await this.#turns.run(() =>
        Bun.password.verify(bcryptPassword(password), hash ?? this.#nobody, "bcrypt").catch(() => false),
      );
      if (hash === undefined || !isRight) return false;
      if (this.#known.size >= MOST_REMEMBERED) this.#known.clear();
      this.#known.set(key, Date.now() + REMEMBER_MILLISECONDS);
      return true;
    } finally {
      this.#running.delete(key);
    }
  }
}

/** Salt and hash of a random text that nobody has. */
const NOBODY = "hZmjYwBKcWmyR..66czeMOu1pwTS1Awymhr61PcVOFFj99m6zvYVi";

/** The users of a file, which is read again when it has changed. */
export class HtpasswdFile {
  readonly #path: string;
  #users: Htpasswd;
  #seen: string;

  /** @throws Error that names the file. */
  constructor(path: string) {
    this.#path = path;
    this.#seen = this.#stamp();
    this.#users = this.#read();
  }

  /** @throws RegistryError when too many checks wait. */
  async verify(user: string, password: string): Promise<boolean> {
    return await this.#current().verify(user, password);
  }

  stampOf(user: string): string | undefined {
    return this.#current().stampOf(user);
  }

  #current(): Htpasswd {
    const stamp = this.#stamp();
    if (stamp !== this.#seen) {
      this.#seen = stamp;
      try {
        this.#users = this.#read();
      } catch (error) {
        log.error("the users stay as they were", { error: messageOf(error) });
      }
    }
    return this.#users;
  }

  /** Changes when the file does. */
  #stamp(): string {
    const found = statSync(this.#path, { throwIfNoEntry: false });
    return found === undefined ? "" : `${found.ino} ${found.size} ${found.mtimeMs} ${found.ctimeMs}`;
  }

  #read(): Htpasswd {
    let users: Htpasswd;
    try {
      users = Htpasswd.parse(readFileSync(this.#path, "utf8"));
    } catch (error) {
      throw new Error(`${this.#path}: ${messageOf(error)}`);
    }
    if (users.ignored.length > 0)
      log.warn("lines without a bcrypt hash are ignored (make them with htpasswd -B)", {
        file: this.#path,
        lines: users.ignored.join(","),
      });
    return users;
  }
}

/** What checks passwords. */
export interface Users {
  /** @throws RegistryError. */
  verify(user: string, password: string): Promise<boolean>;
  /** Of a user's present password; undefined when there is no such user. */
  stampOf(user: string): string | undefined;
}
