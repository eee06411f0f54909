import { invalidParameter } from "@berth/base";

export interface ResolvedUser {
  uid: number;
  gid: number;
  additionalGids: number[];
  home: string | undefined;
}

const MAX_ID = 2 ** 31 - 1;

/**
 * Docker's USER → ids, with the image's /etc/passwd and /etc/group (undefined when the image has none).
 * `user`: empty (root), `name`, `uid`, `name:group`, `uid:gid`. With a group given, memberships in other groups do not count.
 * `groupAdd`: names or numbers of `--group-add`.
 * @throws invalid-parameter with runc's sentences for a name that is not there or a number out of range.
 */
export function resolveUser(
  user: string,
  groupAdd: readonly string[],
  passwd: string | undefined,
  group: string | undefined,
): ResolvedUser {
  const separator = user.indexOf(":");
  const userPart = (separator < 0 ? user : user.slice(0, separator)) || "0";
  const groupPart = separator < 0 ? "" : user.slice(separator + 1);
  const groups = parse(group, 4);

  const number = parseId(userPart);
  // A name wins over a number, so that a user whose name is digits can be meant.
  const entries = parse(passwd, 7);
  const entry =
    entries.find((fields) => fields[0] === userPart) ??
    (number === undefined ? undefined : entries.find((fields) => parseId(fields[2] ?? "") === number));
  if (entry === undefined && number === undefined) {
    throw invalidParameter(`unable to find user ${userPart}: no matching entries in passwd file`);
  }
  const uid = checkRange((entry && parseId(entry[2] ?? "")) ?? number ?? 0);
  let gid = (entry && parseId(entry[3] ?? "")) ?? 0;
  const additionalGids = new Set<number>();

  if (groupPart !== "") {
    gid = findGroup(groupPart, groups);
  } else if (entry) {
    for (const fields of groups) {
      const members = (fields[3] ?? "").split(",");
      const id = parseId(fields[2] ?? "");
      if (id !== undefined && members.includes(entry[0] ?? "")) additionalGids.add(id);
    }
  }
  for (const name of groupAdd) additionalGids.add(findGroup(name, groups));
  return { uid, gid: checkRange(gid), additionalGids: [...additionalGids], home: entry?.[5] || undefined };
}

function findGroup(name: string, groups: string[][]): number {
  const byName = groups.find((fields) => fields[0] === name);
  const id = (byName && parseId(byName[2] ?? "")) ?? parseId(name);
  if (id === undefined) throw invalidParameter(`unable to find group ${name}: no matching entries in group file`);
  return checkRange(id);
}

function checkRange(id: number): number {
  if (id > MAX_ID) throw invalidParameter("uids and gids must be in range 0-2147483647");
  return id;
}

function parseId(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function parse(text: string | undefined, fields: number): string[][] {
  if (text === undefined) return [];
  return text
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.startsWith("#"))
    .map((line) => line.split(":").slice(0, fields).map((field) => field.trim()));
}
