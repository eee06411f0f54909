import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { conflict } from "@berth/base";
import { close, flock, ftruncate, LOCK, O, open, writeAll } from "@berth/linux";

/** Held for as long as the daemon lives; the kernel frees it when the process ends in any way. */
export interface DataRootLock extends Disposable {
  readonly path: string;
}

/**
 * Makes sure that only one daemon uses `root`: flock(2) on `<root>/lock`, which holds the owner's pid for people.
 * @throws conflict that names the owner.
 */
export function lockDataRoot(root: string): DataRootLock {
  return lockRoot(root, "data root");
}

/** The same for the folder of what a reboot may forget: its sockets and files are one daemon's. */
export function lockExecRoot(root: string): DataRootLock {
  return lockRoot(root, "exec root");
}

function lockRoot(root: string, what: string): DataRootLock {
  mkdirSync(root, { recursive: true, mode: 0o710 });
  const path = join(root, "lock");
  const fd = open(path, O.RDWR | O.CREAT, 0o600);
  try {
    if (!flock(fd, LOCK.EX | LOCK.NB)) {
      const owner = readFileSync(path, "utf8").trim();
      const who = /^\d{1,10}$/.test(owner) ? `another daemon (pid ${owner})` : "another daemon";
      throw conflict(`the ${what} ${root} is in use by ${who}`, {
        hint: "Stop that daemon, or give this one its own --data-root and --exec-root.",
      });
    }
    ftruncate(fd, 0);
    writeAll(fd, Buffer.from(`${process.pid}\n`));
  } catch (error) {
    close(fd);
    throw error;
  }
  let held = true;
  return {
    path,
    [Symbol.dispose]() {
      // The file stays: removing it would let two daemons lock two files of one name.
      if (held) close(fd);
      held = false;
    },
  };
}
