/**
 * A tree of files that changes at random, the same for the same seed. All times are in the past, so that no build made them, and
 * each is another one, because clients that send files tell them apart by size and time.
 */
import {
  chmodSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";

const FOLDERS = 27;
const FILES = 20;
/** Seconds since 1970. */
const PAST = 1_200_000_000;
/** A folder that always stays. */
const KEPT = "d6";

type Kind = "file" | "link" | "folder";

/** Whole numbers below a limit. */
export type Random = (below: number) => number;

export function random(seed: number): Random {
  let state = Math.imul(seed + 1, 0x9e3779b1);
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

export const oneOf = <T>(choose: Random, all: readonly T[]): T => all[choose(all.length)] as T;

/** Paths are bytes in strings: names need not be UTF-8. */
const bytes = (path: string) => Buffer.from(path, "latin1");

export class ChangingTree {
  readonly #root: string;
  readonly #choose: Random;
  readonly #hiddenChanges: boolean;
  #count = 0;

  /** `hiddenChanges`: some that neither size nor time tells of. */
  constructor(root: string, choose: Random, { hiddenChanges }: { hiddenChanges: boolean }) {
    this.#hiddenChanges = hiddenChanges;
    this.#root = root;
    this.#choose = choose;
    for (let folder = 0; folder < FOLDERS; folder++) {
      mkdirSync(`${root}/d${folder}`, { recursive: true });
      for (let file = 0; file < FILES; file++) this.#write(`${root}/d${folder}/f${file}`);
    }
    this.#backdate();
  }

  /** Makes some changes, besides one to content that never was, and says which. */
  change(): string[] {
    this.#write(`${this.#root}/${KEPT}/f6`);
    const done: string[] = [];
    for (let left = 1 + this.#choose(6); left > 0; left--) done.push(this.#changeOne());
    this.#backdate();
    return done;
  }

  #changeOne(): string {
    const choose = this.#choose;
    const file = this.#any((kind) => kind !== "folder");
    const regular = this.#any((kind) => kind === "file");
    const folder = this.#any((kind) => kind === "folder");
    const fresh = `${folder}/${oneOf(choose, ["new", "f", "d", "\xff\xfe", "ü", "a b", ".wh", "\\n\n"])}${choose(4)}`;
    const changes: Record<string, () => string> = {
      content: () => this.#write(regular),
      "content, not its time": () => {
        if (!this.#hiddenChanges) return "";
        const { mtime, size } = lstatSync(bytes(regular));
        writeFileSync(
          bytes(regular),
          String(this.#count++)
            .padStart(size)
            .slice(-size),
        );
        utimesSync(bytes(regular), mtime, mtime);
        return regular;
      },
      "permissions of a file": () => this.#chmod(regular, oneOf(choose, [0o600, 0o755, 0o4711, 0o444])),
      "permissions of a folder": () => this.#chmod(folder, oneOf(choose, [0o700, 0o755, 0o1777, 0o2750])),
      "time of a file": () => this.#touch(regular),
      "time of a folder": () => this.#touch(folder),
      "a file gone": () => this.#remove(file),
      "a folder gone": () => (choose(3) === 0 && folder !== this.#root ? this.#remove(folder) : ""),
      "a file more": () => this.#write(this.#room(fresh)),
      "folders more": () => {
        mkdirSync(bytes(`${this.#room(fresh)}/deep`), { recursive: true });
        return this.#write(`${fresh}/deep/f${choose(3)}`);
      },
      "a link more": () => {
        const target = oneOf(choose, ["nowhere", "../d3", "d6", "/to", "f1", "."]);
        symlinkSync(target, bytes(this.#room(fresh)));
        return `${fresh} -> ${target}`;
      },
      "a name more of a file": () => {
        linkSync(bytes(regular), bytes(this.#room(fresh, regular)));
        return `${fresh} = ${regular}`;
      },
      "a name of another file": () => {
        const other = this.#any((kind) => kind === "file");
        if (other === regular) return "";
        this.#remove(other);
        linkSync(bytes(regular), bytes(other));
        return `${other} = ${regular}`;
      },
      "a name on its own again": () => {
        this.#remove(regular);
        return this.#write(regular);
      },
      "a folder for a file": () => {
        this.#remove(file);
        mkdirSync(bytes(file));
        return this.#write(`${file}/in`);
      },
      "a file for a folder": () => {
        if (folder === this.#root) return "";
        this.#remove(folder);
        return this.#write(folder);
      },
      "a link for a folder": () => {
        if (folder === this.#root || choose(2) === 0) return "";
        this.#remove(folder);
        symlinkSync("d1", bytes(folder));
        return folder;
      },
      "a name for another": () => {
        renameSync(bytes(file), bytes(this.#room(fresh, file)));
        return `${file} to ${fresh}`;
      },
    };
    const what = oneOf(choose, Object.keys(changes));
    return `${what}: ${JSON.stringify(changes[what]?.().replace(this.#root, ""))}`;
  }

  #write(path: string): string {
    writeFileSync(bytes(path), `${this.#count++}\n`.repeat(1 + this.#choose(3)));
    return path;
  }

  #chmod(path: string, mode: number): string {
    chmodSync(bytes(path), mode);
    return `${path} ${mode.toString(8)}`;
  }

  #touch(path: string): string {
    const time = 1_000_000_000 + this.#choose(1_000_000) / 4;
    utimesSync(bytes(path), time, time);
    return path;
  }

  #remove(path: string): string {
    rmSync(bytes(path), { recursive: true });
    return path;
  }

  /** The path, with nothing there; `but` stays where it is. */
  #room(path: string, but?: string): string {
    if (path !== but) rmSync(bytes(path), { recursive: true, force: true });
    return path;
  }

  #any(accepts: (kind: Kind) => boolean): string {
    const found: string[] = [];
    this.#walk(this.#root, (path, kind) => {
      if (accepts(kind) && !path.startsWith(`${this.#root}/${KEPT}`)) found.push(path);
    });
    return oneOf(this.#choose, found);
  }

  #backdate(): void {
    this.#walk(this.#root, (path) => {
      if (lstatSync(bytes(path)).mtimeMs < PAST * 1000) return;
      const time = PAST - this.#count++;
      lutimesSync(bytes(path), time, time);
    });
  }

  #walk(path: string, visit: (path: string, kind: Kind) => void): void {
    const stat = lstatSync(bytes(path));
    const kind = stat.isDirectory() ? "folder" : stat.isSymbolicLink() ? "link" : "file";
    visit(path, kind);
    if (kind !== "folder") return;
    const names = readdirSync(bytes(path), { encoding: "buffer" }).map((name) => name.toString("latin1"));
    for (const name of names.sort()) this.#walk(`${path}/${name}`, visit);
  }
}
