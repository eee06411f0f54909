/** A request target split and decoded. `redirect`: the clean form of a path with `//`, `.` or `..` parts. */
export interface Target {
  path: string;
  query: string;
  redirect?: string;
}

/** @returns undefined when the target is not a path or holds a broken escape. */
export function parseTarget(target: string): Target | undefined {
  // Absolute form, as proxies send it (RFC 9112 section 3.2.2).
  const local = target.startsWith("/") ? target : target.replace(/^https?:\/\/[^/?#]*/i, "");
  const mark = local.indexOf("?");
  const raw = mark < 0 ? local : local.slice(0, mark);
  const query = mark < 0 ? "" : local.slice(mark + 1);
  if (!raw.startsWith("/")) return undefined;
  let path = raw;
  if (raw.includes("%")) {
    try {
      path = decodeURIComponent(raw);
    } catch {
      return undefined;
    }
  }
  const clean = cleanPath(path);
  if (clean === path) return { path, query };
  return { path, query, redirect: encodeURI(clean) + (query === "" ? "" : `?${query}`) };
}

function cleanPath(path: string): string {
  if (!/\/\/|\/\.\.?(\/|$)/.test(path)) return path;
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") parts.pop();
    else parts.push(part);
  }
  const clean = `/${parts.join("/")}`;
  return path.endsWith("/") && clean !== "/" ? `${clean}/` : clean;
}
