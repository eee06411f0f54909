import { invalidParameter } from "@berth/base";

/** A line of /proc/<pid>/mountinfo (proc(5)), the parts that matter here. */
interface MountLine {
  mountPoint: string;
  shared: boolean;
  slave: boolean;
}

/** Octal escapes of spaces, tabs, newlines and backslashes. */
function decodeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits) => String.fromCharCode(Number.parseInt(digits, 8)));
}

function parse(mountInfo: string): MountLine[] {
  const lines: MountLine[] = [];
  for (const line of mountInfo.split("\n")) {
    const fields = line.split(" ");
    const separator = fields.indexOf("-", 6);
    if (separator < 0) continue;
    const optional = fields.slice(6, separator);
    lines.push({
      mountPoint: decodeOctal(fields[4] as string),
      shared: optional.some((field) => field.startsWith("shared:")),
      slave: optional.some((field) => field.startsWith("master:")),
    });
  }
  return lines;
}

function isBelow(path: string, folder: string): boolean {
  return folder === "/" || path === folder || path.startsWith(`${folder}/`);
}

/**
 * A shared bind needs a shared mount on the host, a slave one needs a shared or slave mount.
 * @throws invalid-parameter with Docker's sentence
 */
export function checkPropagation(source: string, propagation: string, mountInfo: string): void {
  const wantsShared = reachesHost(propagation);
  const wantsSlave = propagation === "slave" || propagation === "rslave";
  if (!wantsShared && !wantsSlave) return;
  let found: MountLine | undefined;
  for (const line of parse(mountInfo)) {
    // Of two on one point the later lies above.
    if (isBelow(source, line.mountPoint) && line.mountPoint.length >= (found?.mountPoint.length ?? 0))
      found = line;
  }
  if (found === undefined) throw invalidParameter(`could not find source mount of ${source}`);
  if (found.shared || (wantsSlave && found.slave)) return;
  const needed = wantsShared ? "a shared" : "a shared or slave";
  throw invalidParameter(`path ${source} is mounted on ${found.mountPoint} but it is not ${needed} mount`);
}

/** Whether what is mounted below such a bind in the container is to be seen on the host. */
export function reachesHost(propagation: string): boolean {
  return propagation === "shared" || propagation === "rshared";
}

/** What the root of the container's mounts must be, so that binds propagate: the strongest that any bind needs. */
export function rootPropagation(propagations: readonly string[]): string | undefined {
  if (propagations.some(reachesHost)) return "shared";
  if (propagations.some((each) => each === "slave" || each === "rslave")) return "rslave";
  return undefined;
}
