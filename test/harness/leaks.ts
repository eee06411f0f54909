/** What a scope still holds in the kernel: processes, mounts, links, nft tables, cgroups. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Scope } from "./scope.ts";

export interface Leftovers {
  processes: { pid: number; command: string }[];
  /** Mount points in the host's mount namespace, deepest first. */
  mounts: string[];
  /** Links that are the scope's bridges or hang on them. */
  links: string[];
  /** `family name` of nft tables that name the scope's bridge. */
  tables: string[];
  /** Folders below /sys/fs/cgroup, deepest first. */
  cgroups: string[];
}

/** Set in the environment of every process that a scope starts. */
export const SCOPE_VARIABLE = "BERTH_TEST_SCOPE";

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** Ids of containers that the daemon of this scope has or had a folder for. */
export function containerIds(scope: Scope): string[] {
  return list(join(scope.directory, "data/containers")).filter((name) => /^[0-9a-f]{64}$/.test(name));
}

/** Processes by command line, environment or cgroup; also those whose command line is a container's own. */
function processes(scope: Scope, ids: readonly string[]): Leftovers["processes"] {
  const marks = [`${SCOPE_VARIABLE}=${scope.directory}\0`];
  const found: Leftovers["processes"] = [];
  for (const name of list("/proc")) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue;
    const command = read(`/proc/${name}/cmdline`).replaceAll("\0", " ").trim();
    if (command === "") continue;
    const cgroup = read(`/proc/${name}/cgroup`);
    if (
      `${command} `.includes(`${scope.directory}/`) ||
      marks.some((mark) => `${read(`/proc/${name}/environ`)}\0`.includes(mark)) ||
      cgroup.includes(`${scope.cgroupParent}/`) ||
      ids.some((id) => cgroup.includes(id))
    )
      found.push({ pid: Number(name), command: command.slice(0, 200) });
  }
  return found;
}

function mounts(scope: Scope): string[] {
  return read("/proc/self/mountinfo")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .filter((path) => path === scope.directory || path.startsWith(`${scope.directory}/`))
    .sort((a, b) => b.length - a.length);
}

/** The scope's bridge, the bridges of its other networks (by their addresses), and what hangs on them. */
function links(scope: Scope): string[] {
  const addresses = Bun.spawnSync(["ip", "-4", "-o", "address", "show"], {
    stderr: "ignore",
  }).stdout.toString();
  const bridges = new Set(
    [...addresses.matchAll(/^\d+: (\S+)\s+inet 10\.(\d+)\./gm)].flatMap(([, link, block]) =>
      Number(block) === scope.block ? [link!] : [],
    ),
  );
  if (existsSync(`/sys/class/net/${scope.bridge}`)) bridges.add(scope.bridge);
  return [...bridges].flatMap((bridge) => [...list(`/sys/class/net/${bridge}/brif`), bridge]);
}

function tables(scope: Scope): string[] {
  const all = Bun.spawnSync(["nft", "list", "tables"], { stderr: "ignore" }).stdout.toString();
  return all
    .split("\n")
    .flatMap((line) => /^table (\S+ \S+)$/.exec(line.trim())?.[1] ?? [])
    .filter((table) => {
      const [family, name] = table.split(" ") as [string, string];
      if (name.includes(scope.bridge)) return true;
      const body = Bun.spawnSync(["nft", "list", "table", family, name], {
        stderr: "ignore",
      }).stdout.toString();
      return new RegExp(`"${scope.bridge}"|\\b10\\.${scope.block}\\.`).test(body);
    });
}

function cgroups(scope: Scope, ids: readonly string[]): string[] {
  const wanted = new Set([...ids, ...ids.map((id) => `docker-${id}.scope`), scope.cgroupParent.slice(1)]);
  const found: string[] = [];
  const visit = (folder: string, depth: number): void => {
    for (const entry of list(folder)) {
      const path = join(folder, entry);
      if (entry.includes(".") && !entry.endsWith(".scope") && !entry.endsWith(".slice")) continue;
      if (!existsSync(join(path, "cgroup.procs"))) continue;
      if (wanted.has(entry)) {
        collect(path, found);
        continue;
      }
      if (depth < 2) visit(path, depth + 1);
    }
  };
  for (const hierarchy of ["", ...list("/sys/fs/cgroup")]) visit(join("/sys/fs/cgroup", hierarchy), 0);
  return [...new Set(found)];
}

/** The folder and all cgroups below it, deepest first. */
function collect(path: string, into: string[]): void {
  for (const entry of list(path))
    if (existsSync(join(path, entry, "cgroup.procs"))) collect(join(path, entry), into);
  into.push(path);
}

/** `ids`: containers to look for besides those that still have a folder. */
export function leftovers(scope: Scope, ids: readonly string[] = []): Leftovers {
  const all = [...new Set([...ids, ...containerIds(scope)])];
  return {
    processes: processes(scope, all),
    mounts: mounts(scope),
    links: links(scope),
    tables: tables(scope),
    cgroups: cgroups(scope, all),
  };
}
