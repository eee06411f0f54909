import { afterAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { seesSameFiles } from "./same-files.ts";

const own = { pid: process.pid, arguments: argumentsOf(process.pid) };
const others: Bun.Subprocess[] = [];
afterAll(() => {
  for (const each of others) each.kill();
});

function argumentsOf(pid: number): string[] {
  return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(1, -1);
}

/** A process that reads its input, started by way of `before`, once it is that. */
async function reader(...before: string[]): Promise<number> {
  const child = Bun.spawn([...before, "sh", "-c", "echo here; read x"], { stdin: "pipe", stdout: "pipe" });
  others.push(child);
  await child.stdout.getReader().read();
  return child.pid;
}

test("it is a process with these arguments", async () => {
  expect(seesSameFiles(own)).toBe(true);
  const pid = await reader();
  expect(seesSameFiles({ pid, arguments: ["-c", "echo here; read x"] })).toBe(true);
  expect(seesSameFiles({ pid, arguments: ["-c", "echo here; read x", ""] })).toBe(false);
  expect(seesSameFiles({ pid, arguments: ["-c"] })).toBe(false);
  expect(seesSameFiles({ pid: 1, arguments: own.arguments })).toBe(false);
  expect(seesSameFiles({ pid: 2 ** 22 + 1, arguments: [] })).toBe(false);
});

test.each<[where: string, ...before: string[]]>([
  ["in another mount namespace", "unshare", "--mount"],
  // Programs, loader and libraries are there under the same names.
  ["below another root", "chroot", "/usr"],
])("a process %s does not see the same files", async (_where, ...before) => {
  const pid = await reader(...before);
  expect(seesSameFiles({ pid, arguments: argumentsOf(pid) })).toBe(false);
});
