import { posix } from "node:path";

/** Absolute and clean; never above `/`. Keeps a slash at the end when `keepSlash`, which says that a directory is meant. */
export function resolvePath(folder: string, path: string, keepSlash: boolean): string {
  const joined = posix.normalize(posix.isAbsolute(path) ? path : `${folder || "/"}/${path}`);
  const absolute = posix.isAbsolute(joined) ? joined : `/${joined}`;
  const bare = absolute === "/" ? "/" : absolute.replace(/\/+$/, "");
  const directory = keepSlash && /(^|\/)\.?$/.test(path);
  return directory && bare !== "/" ? `${bare}/` : bare;
}

export function hasWildcards(path: string): boolean {
  for (let at = 0; at < path.length; at++) {
    if (path[at] === "\\") at++;
    else if ("*?[".includes(path[at]!)) return true;
  }
  return false;
}
