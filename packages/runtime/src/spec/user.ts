import { invalidParameter } from "@berth/base";

export interface ResolvedUser {
  uid: number;
  gid: number;
  /** The user's group first, as Docker gives it since 20.10.18; each once. */
  additionalGids: number[];
  /** Of /etc/passwd; undefined when the user is not in there. */
  home: string | undefined;
}

const MAX_ID = 2 ** 31 - 1;
const OUT_OF_RANGE = "uids and gids must be in range 0-2147483647";

/** passwd(5) and group(5) of an image are as long as the image's maker likes: what lies beyond is not looked at. */
const MAX_TEXT = 8 * 1024 * 1024;

/**
 * Docker's USER → ids, with the text of the image's /etc/passwd and /etc/group (undefined when the image has none).
 * `user`: empty (root), `name`, `uid`, `name:group`, `uid:gid`; a number is never a name. With a group given, memberships
 * in other groups do not count. `groupAdd`: names or numbers of `--group-add`.
 * @throws invalid-parameter with Docker's sentences for a name that is not there or a number out of range.
 */
export function resolveUser(
  user: string,
  groupAdd: readonly string[],
  passwd: string | undefined,
  group: string | undefined,
): ResolvedUser {
  const separator = user.indexOf(":");
  const userPart = separator < 0 ? user : user.slice(0, separator);
  const groupPart = separator < 0 ? "" : user.slice(separator + 1);
  const id = userPart === "" ? 0 : parseNumber(userPart);

  const entry = find(passwd, (fields) =>
    id === undefined ? fields[0] === userPart : numberAt(fields, 2) === id,
  );
  if (entry === undefined && id === undefined) {
    throw invalidParameter(`unable to find user ${shorten(userPart)}: no matching entries in passwd file`);
  }
  const uid = inRange(entry === undefined ? (id as number) : numberAt(entry, 2));
  let gid = entry === undefined ? 0 : numberAt(entry, 3);
  const memberships: number[] = [];
  if (groupPart !== "") {
    gid = findGroup(groupPart, group, "unable");
  } else if (entry !== undefined) {
    const name = entry[0] ?? "";
    for (const fields of lines(group)) {
      if ((fields[3] ?? "").split(",").includes(name)) memberships.push(inRange(numberAt(fields, 2)));
    }
  }
  gid = inRange(gid);
  const added = groupAdd.map((name) => findGroup(name, group, "Unable"));
  return {
    uid,
    gid,
    additionalGids: [...new Set([gid, ...memberships, ...added])],
    home: entry?.[5] || undefined,
  };
}

/** The first word of the sentence differs between the user's group and `--group-add`. */
function findGroup(name: string, group: string | undefined, unable: "unable" | "Unable"): number {
  const id = parseNumber(name);
  const entry = find(group, (fields) => (id === undefined ? fields[0] === name : numberAt(fields, 2) === id));
  if (entry !== undefined) return inRange(numberAt(entry, 2));
  if (id === undefined) {
    throw invalidParameter(`${unable} to find group ${shorten(name)}: no matching entries in group file`);
  }
  return inRange(id);
}

function inRange(id: number): number {
  if (id < 0 || id > MAX_ID) throw invalidParameter(OUT_OF_RANGE);
  return id;
}

/** A decimal number as Go's Atoi takes it, sign included; undefined for a name. */
function parseNumber(text: string): number | undefined {
  if (!/^[+-]?\d+$/.test(text)) return undefined;
  const number = Number(text);
  // Beyond 64 bits it is no number for Docker, but a name.
  return Math.abs(number) < 2 ** 63 ? number : undefined;
}

/** A field that is no number counts as 0, as for Docker. */
function numberAt(fields: readonly string[], index: number): number {
  return parseNumber(fields[index] ?? "") ?? 0;
}

function find(
  text: string | undefined,
  matches: (fields: readonly string[]) => boolean,
): readonly string[] | undefined {
  for (const fields of lines(text)) if (matches(fields)) return fields;
  return undefined;
}

function* lines(text = ""): Generator<readonly string[]> {
  for (const line of text.slice(0, MAX_TEXT).split("\n")) {
    const trimmed = line.trim();
    if (trimmed !== "") yield trimmed.split(":");
  }
}

function shorten(name: string): string {
  return name.length > 200 ? `${name.slice(0, 200)}…` : name;
}
