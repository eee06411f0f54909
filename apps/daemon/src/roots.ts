import { closeSync, mkdirSync, openSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { systemError } from "@berth/base";
import { flock, LOCK } from "@berth/linux";

/** The daemon's two folders, held by this process until dispose. */
export interface Roots extends Disposable {
  /** Absolute, without symbolic links. */
  dataRoot: string;
  execRoot: string;
}

/**
 * Makes the folders and locks the data root: two daemons that work with the same one would lose what they were given.
 * @throws system when another daemon holds it, or a folder cannot be made.
 */
export function prepareRoots(dataRoot: string, execRoot: string): Roots {
  mkdirSync(dataRoot, { recursive: true, mode: 0o710 });
  mkdirSync(execRoot, { recursive: true, mode: 0o711 });
  const data = realpathSync(dataRoot);
  const exec = realpathSync(execRoot);
  const lock = openSync(join(data, "lock"), "a", 0o600);
  if (!flock(lock, LOCK.EX | LOCK.NB)) {
    closeSync(lock);
    throw systemError(`another daemon works with the data root ${data}`, {
      hint: "Give each daemon its own --data-root, --exec-root and --pidfile.",
    });
  }
  return { dataRoot: data, execRoot: exec, [Symbol.dispose]: () => closeSync(lock) };
}
