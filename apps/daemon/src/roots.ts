import { mkdirSync, realpathSync } from "node:fs";
import { lockDataRoot } from "@berth/state";

/** The daemon's two folders; the data root is held by this process until dispose. */
export interface Roots extends Disposable {
  /** Absolute, without symbolic links. */
  dataRoot: string;
  execRoot: string;
}

/** @throws conflict when another daemon holds the data root; system when a folder cannot be made. */
export function prepareRoots(dataRoot: string, execRoot: string): Roots {
  mkdirSync(dataRoot, { recursive: true, mode: 0o710 });
  mkdirSync(execRoot, { recursive: true, mode: 0o711 });
  const data = realpathSync(dataRoot);
  const lock = lockDataRoot(data);
  return { dataRoot: data, execRoot: realpathSync(execRoot), [Symbol.dispose]: () => lock[Symbol.dispose]() };
}
