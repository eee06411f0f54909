import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { systemError, writeFileAtomic } from "@berth/base";

/** The file with the daemon's process id; removed on dispose when it still holds ours. */
export class Pidfile implements Disposable {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** A file of a process that has ended is replaced. @throws system with dockerd's sentence when it runs. */
  static create(path: string): Pidfile {
    const pid = readPid(path);
    if (pid !== undefined && pid !== process.pid && isRunning(pid)) {
      throw systemError(`pid file found, ensure docker is not running or delete ${path}`, {
        hint: `process ${pid} is still running`,
      });
    }
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    writeFileAtomic(path, `${process.pid}`, 0o644);
    return new Pidfile(path);
  }

  [Symbol.dispose](): void {
    if (readPid(this.#path) === process.pid) rmSync(this.#path, { force: true });
  }
}

function readPid(path: string): number | undefined {
  try {
    const text = readFileSync(path, "utf8").trim();
    return /^\d{1,9}$/.test(text) && Number(text) > 0 ? Number(text) : undefined;
  } catch {
    return undefined;
  }
}

/** A zombie counts as ended: in a container nobody may be there to reap it. */
function isRunning(pid: number): boolean {
  try {
    // proc(5): the state follows the program's name, which stands in parentheses and may hold any.
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return !["Z", "X"].includes(stat.slice(stat.lastIndexOf(")") + 2)[0] ?? "");
  } catch {
    return false;
  }
}
