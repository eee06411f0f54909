import { mkdirSync, realpathSync } from "node:fs";
import { invalidParameter } from "@berth/base";
import { LONGEST_EXEC_ROOT } from "@berth/runtime";
import { lockDataRoot } from "@berth/state";

/** The daemon's two folders; the data root is held by this process until dispose. */
export interface Roots extends Disposable {
  /** Absolute, without symbolic links. */
  dataRoot: string;
  execRoot: string;
}

/** @throws conflict when another daemon holds the data root; invalid-parameter; system when a folder cannot be made. */
export function prepareRoots(dataRoot: string, execRoot: string): Roots {
  mkdirSync(dataRoot, { recursive: true, mode: 0o710 });
  mkdirSync(execRoot, { recursive: true, mode: 0o711 });
  const data = realpathSync(dataRoot);
  const exec = realpathSync(execRoot);
  if (Buffer.byteLength(exec) > LONGEST_EXEC_ROOT) {
    throw invalidParameter(
      `the exec root ${exec} is too long: the paths of the sockets in it leave it ${LONGEST_EXEC_ROOT} bytes`,
      { hint: "choose a shorter one with --exec-root" },
    );
  }
  const lock = lockDataRoot(data);
  return { dataRoot: data, execRoot: exec, [Symbol.dispose]: () => lock[Symbol.dispose]() };
}
