import { chmodSync, chownSync, lstatSync, mkdirSync, readFileSync, unlinkSync } from "node:fs";
import { connect, type Server } from "node:net";
import { dirname } from "node:path";
import { invalidParameter, systemError } from "@berth/base";

/** Longest path that fits `sockaddr_un`, with its terminating zero. */
const PATH_LIMIT = 107;

/**
 * Listens at `path` with mode 0660 and the group's id. A socket that a dead daemon left is replaced; one that answers is
 * not: @throws system `… address already in use`.
 */
export async function listenUnix(server: Server, path: string, groupId: number): Promise<void> {
  if (Buffer.byteLength(path) > PATH_LIMIT) {
    throw invalidParameter(
      `listen unix ${path}: bind: invalid argument (the path is longer than ${PATH_LIMIT} bytes)`,
    );
  }
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  await removeStale(path);
  // Bound with no rights for anybody, then opened: nobody connects in between.
  const mask = process.umask(0o777);
  try {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once("error", (error) =>
      reject(systemError(`listen unix ${path}: ${error.message}`, { cause: error })),
    );
    server.listen(path, resolve);
    process.umask(mask);
    await promise;
  } finally {
    process.umask(mask);
  }
  chownSync(path, 0, groupId);
  chmodSync(path, 0o660);
}

async function removeStale(path: string): Promise<void> {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket()) {
    throw systemError(`can't create unix socket ${path}: the path exists and is not a socket`);
  }
  if (await answers(path)) throw systemError(`listen unix ${path}: bind: address already in use`);
  unlinkSync(path);
}

function answers(path: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(path);
  socket.once("connect", () => resolve(true));
  socket.once("error", () => resolve(false));
  return promise.finally(() => socket.destroy());
}

/**
 * The id of the first of `names` that exists in /etc/group; a number stands for itself. Undefined when none exists.
 */
export function findGroup(names: readonly string[], file = "/etc/group"): number | undefined {
  let lines: string[];
  try {
    lines = readFileSync(file, "utf8").split("\n");
  } catch {
    lines = [];
  }
  for (const name of names) {
    const line = lines.find((each) => each.startsWith(`${name}:`));
    if (line !== undefined) return Number(line.split(":")[2]);
    if (/^\d+$/.test(name)) return Number(name);
  }
  return undefined;
}
