import { invalidParameter } from "@berth/base";

/** As Go's `%q` for the sentences of Docker. */
export function quoted(text: string): string {
  return JSON.stringify(text);
}

const UNCLEAN = /(?:^|\/)\.{0,2}(?:\/|$)/;

/**
 * A name of an archive as a path below the root of the tree: no slash at either end, no empty, `.` or `..` parts. The root
 * itself is `""`. Absolute names are below the root too.
 * @param shown the root, for the message.
 * @throws invalid-parameter when the name climbs out.
 */
export function pathBelowRoot(name: string, shown = "/"): string {
  let path = name.startsWith("./") ? name.slice(2) : name;
  if (path.endsWith("/")) path = path.slice(0, -1);
  if (!UNCLEAN.test(path)) return path;
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    // As Go cleans a path: an absolute one cannot climb above "/".
    else if (parts.pop() === undefined && !name.startsWith("/")) {
      throw invalidParameter(`${quoted(name)} is outside of ${quoted(shown)}`);
    }
  }
  return parts.join("/");
}

/** The folder of a path as `pathBelowRoot` gives it; `""` for the root. */
export function folderOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}

export function baseOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

export function joined(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}
