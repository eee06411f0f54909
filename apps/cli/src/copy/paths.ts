import { posix } from "node:path";

/**
 * Paths as Go's path/filepath and Docker's copying see them: what is at the end (`/`, `/.`) says whether a folder itself
 * or its content is meant.
 */

/** Without double slashes, `.` and `..`, nor a slash at the end; "" is `.`. */
export function clean(path: string): string {
  const normal = posix.normalize(path === "" ? "." : path);
  return normal.length > 1 && normal.endsWith("/") ? normal.slice(0, -1) : normal;
}

export const join = (folder: string, name: string): string => clean(`${folder}/${name}`);

/** The last element: `.` for "", `/` for the root. */
export function base(path: string): string {
  if (path === "") return ".";
  const trimmed = path.replace(/\/+$/, "");
  return trimmed === "" ? "/" : trimmed.slice(trimmed.lastIndexOf("/") + 1);
}

/** Everything but the last element, clean. */
export const folder = (path: string): string => clean(path.slice(0, path.lastIndexOf("/") + 1));

export const endsWithSlash = (path: string): boolean => path.endsWith("/");
/** `…/.`: the folder's content. */
export const meansContent = (path: string): boolean => base(path) === ".";
/** What the path leads to has to be a folder. */
export const meansFolder = (path: string): boolean => endsWithSlash(path) || meansContent(path);

/** Where an entry is and how it is called there: `.` when the content of the folder is meant. */
export function splitEntry(path: string): { folder: string; name: string } {
  const whole = meansContent(path) ? `${clean(path)}/.` : clean(path);
  return { folder: folder(whole), name: base(whole) };
}

/** Absolute, with what the end says. */
export function absolute(path: string): string {
  let full = path.startsWith("/") ? clean(path) : join(process.cwd(), path);
  if (meansContent(path) && !meansContent(full)) full += full.endsWith("/") ? "." : "/.";
  if (endsWithSlash(path) && !endsWithSlash(full)) full += "/";
  return full;
}

/** Where a link at `path` leads. */
export const linkedPath = (path: string, target: string): string =>
  target.startsWith("/") ? target : join(splitEntry(path).folder, target);

/**
 * After a link was followed from `path` to `resolved`: that, with what `path`'s end says, and the name that the copy takes
 * (the link's) when it is another one.
 */
export function keepName(path: string, resolved: string): { path: string; name: string | undefined } {
  let result = resolved;
  if (meansContent(path) && !meansContent(result)) result += "/.";
  if (endsWithSlash(path) && !endsWithSlash(result)) result += "/";
  return { path: result, name: base(path) === base(result) ? undefined : base(path) };
}
