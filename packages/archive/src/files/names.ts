/** As Go's `%q` for the sentences of Docker. */
export function quoted(text: string): string {
  return JSON.stringify(text);
}

const UNCLEAN = /(?:^|\/)\.{0,2}(?:\/|$)/;

/**
 * A name of an archive as a path below the root of the tree: no slash at either end, no empty, `.` or `..` parts. The root
 * itself is `""`. Absolute names are below the root too. Undefined when a relative name climbs out.
 */
export function pathBelowRoot(name: string): string | undefined {
  let path = name.startsWith("./") ? name.slice(2) : name;
  if (path.endsWith("/")) path = path.slice(0, -1);
  if (!UNCLEAN.test(path)) return path;
  const clean = cleaned(name);
  return clean.startsWith("../") || clean === ".." ? undefined : clean.replace(/^\/|^\.$/, "");
}

/** A name as Go's `path.Clean` makes it: `..` remains only in front of a relative one. */
export function cleaned(name: string): string {
  const absolute = name.startsWith("/");
  const parts: string[] = [];
  for (const part of name.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.length > 0 && parts.at(-1) !== "..") parts.pop();
    else if (!absolute) parts.push("..");
  }
  return absolute ? `/${parts.join("/")}` : parts.join("/") || ".";
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
