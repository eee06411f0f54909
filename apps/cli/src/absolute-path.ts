import { lazyNode } from "./lazy-node.ts";

/** As `resolve` of `node:path`, which takes 1 ms to load and is asked only when there is something to put in order. */
export function absolutePath(path: string): string {
  if (path === "." || path === "") return process.cwd();
  const whole = path.startsWith("/") ? path : `${process.cwd()}/${path}`;
  const isInOrder = !whole.includes("/.") && !whole.includes("//") && !whole.endsWith("/");
  return isInOrder ? whole : lazyNode.path.resolve(whole);
}
