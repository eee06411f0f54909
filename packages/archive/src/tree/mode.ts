/** Permission bits for what is copied: the same for all, or a change of each file's own in chmod(1)'s words (`u=rwX,go=rX`). */
export type ModeChange = { octal: number } | { symbolic: string };

/** The bits of `mode` after `change`. `X` is `x` for directories and for files that someone may execute. */
export function applyFileMode(change: ModeChange, mode: number, directory: boolean): number {
  if ("octal" in change) return change.octal & 0o7777;
  let bits = mode & 0o7777;
  for (const clause of change.symbolic.split(",")) {
    const [, who, actions] = /^([ugoa]*)(.*)$/.exec(clause)!;
    const classes = who === "" || who!.includes("a") ? "ugo" : who!;
    for (const [, operator, permissions] of actions!.matchAll(/([-+=])([ugo]|[rwxXst]*)/g)) {
      const set = bitsOf(permissions!, classes, bits, directory);
      if (operator === "+") bits |= set;
      else if (operator === "-") bits &= ~set;
      else bits = (bits & ~maskOf(classes)) | set;
    }
  }
  return bits;
}

const SHIFT: Readonly<Record<string, number>> = { u: 6, g: 3, o: 0 };

function maskOf(classes: string): number {
  let mask = 0;
  for (const each of classes) mask |= 0o7 << SHIFT[each]!;
  if (classes.includes("u")) mask |= 0o4000;
  if (classes.includes("g")) mask |= 0o2000;
  if (classes.includes("o")) mask |= 0o1000;
  return mask;
}

function bitsOf(permissions: string, classes: string, mode: number, directory: boolean): number {
  let each = 0;
  let special = 0;
  if (/^[ugo]$/.test(permissions)) each = (mode >> SHIFT[permissions]!) & 0o7;
  else {
    if (permissions.includes("r")) each |= 0o4;
    if (permissions.includes("w")) each |= 0o2;
    const executable = directory || (mode & 0o111) !== 0;
    if (permissions.includes("x") || (permissions.includes("X") && executable)) each |= 0o1;
    if (permissions.includes("s")) {
      if (classes.includes("u")) special |= 0o4000;
      if (classes.includes("g")) special |= 0o2000;
    }
    if (permissions.includes("t")) special |= 0o1000;
  }
  let bits = special;
  for (const name of classes) bits |= each << SHIFT[name]!;
  return bits;
}
