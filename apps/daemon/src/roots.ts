import { mkdirSync, realpathSync } from "node:fs";
import { invalidParameter } from "@berth/base";
import { LONGEST_EXEC_ROOT } from "@berth/runtime";
import { lockDataRoot, lockExecRoot } from "@berth/state";

/** The daemon's two folders, held by this process until dispose. */
export interface Roots extends Disposable {
  /** Absolute, without symbolic links. */
  dataRoot: string;
  execRoot: string;
}

/** @throws conflict when another daemon holds one of them; invalid-parameter; system when a folder cannot be made. */
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
  using locks = new DisposableStack();
  locks.use(lockDataRoot(data));
  if (exec !== data) locks.use(lockExecRoot(exec));
  const held = locks.move();
  return { dataRoot: data, execRoot: exec, [Symbol.dispose]: () => held.dispose() };
}
