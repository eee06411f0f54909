import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { O } from "./constants.ts";
import { isErrno } from "./errno.ts";
import { open } from "./fs.ts";
import { close, pipe2, setCloseOnExec, waitReadable } from "./io.ts";
import {
  decodeWaitStatus,
  getpid,
  getrlimit,
  kill,
  PR,
  pidfdOpen,
  pidfdSendSignal,
  prctl,
  processExists,
  RLIMIT,
  setrlimit,
  WNOHANG,
  waitpid,
} from "./process.ts";
import { parseSignal, SIG } from "./signal.ts";
import { posixSpawn, type SpawnOptions } from "./spawn.ts";

/** Runs a shell script; its exit and what it wrote to descriptor 1. */
function shell(script: string, options: Partial<SpawnOptions> = {}): { exitCode: number; output: string } {
  const pipe = pipe2();
  const pid = posixSpawn({
    path: "/bin/sh",
    args: ["sh", "-c", script],
    env: ["PATH=/usr/bin:/bin"],
    ...options,
    descriptors: { ...options.descriptors, 1: pipe.write },
  });
  close(pipe.write);
  const output = readFileSync(pipe.read, "utf8");
  close(pipe.read);
  return { exitCode: waitpid(pid)!.exitCode, output };
}

test("a program gets its arguments, environment, folder and descriptors, and nothing else", () => {
  const extra = open("/etc/hostname", O.RDONLY);
  const secret = open(import.meta.path, O.RDONLY);
  const { exitCode, output } = shell("", {
    args: [
      "sh",
      "-c",
      'printf "%s|" "$0" "$@" "$HOME"; pwd; readlink /proc/$$/fd/2 /proc/$$/fd/5; ls -l /proc/$$/fd | grep -c process.test; exit 7',
      "zero",
      "a b",
      "ü",
      "",
    ],
    env: ["HOME=/home/x y", "PATH=/bin:/usr/bin"],
    cwd: "/usr",
    descriptors: { 0: extra, 5: extra },
    devNull: [2],
  });
  expect(exitCode).toBe(7);
  expect(output).toBe("zero|a b|ü||/home/x y|/usr\n/dev/null\n/etc/hostname\n0\n");
  close(extra);
  close(secret);
});

test("descriptors may trade places", () => {
  const first = pipe2();
  const second = pipe2();
  // The child's numbers are the parent's numbers of the other one.
  const pid = posixSpawn({
    path: "/bin/sh",
    args: ["sh", "-c", `echo one >/proc/self/fd/${first.write}; echo two >/proc/self/fd/${second.write}`],
    env: [],
    descriptors: { [first.write]: second.write, [second.write]: first.write },
  });
  close(first.write);
  close(second.write);
  expect(waitpid(pid)!.exitCode).toBe(0);
  expect(readFileSync(first.read, "utf8")).toBe("two\n");
  expect(readFileSync(second.read, "utf8")).toBe("one\n");
  close(first.read);
  close(second.read);
});

test("a descriptor that keeps its number loses close-on-exec in the child only", () => {
  const fd = open("/etc/hostname", O.RDONLY);
  const { exitCode } = shell(`cat </proc/self/fd/${fd} >/dev/null`, { descriptors: { [fd]: fd } });
  expect(exitCode).toBe(0);
  expect(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8")).toMatch(/flags:\s+02/);
  setCloseOnExec(fd, true);
  close(fd);
});

test("a program that cannot be started gives its error", () => {
  for (const [path, code] of [
    ["/no/such/program", "ENOENT"],
    ["/etc/passwd", "EACCES"],
    ["/etc", "EACCES"],
  ] as const) {
    try {
      posixSpawn({ path, args: ["x"], env: [] });
      expect.unreachable();
    } catch (error) {
      expect(isErrno(error, code)).toBe(true);
      expect((error as Error).message).toStartWith(`exec ${path}: `);
    }
  }
  expect(() => posixSpawn({ path: "/bin/true", args: ["a\0b"], env: [] })).toThrow("invalid argument");
  expect(() => posixSpawn({ path: "/bin/true", args: ["true"], env: [], cwd: "/no/such/folder" })).toThrow(
    "no such file or directory",
  );
});

test("signals that this process ignores are at their defaults in the program; setsid and masks as asked", () => {
  const { output } = shell("", {
    path: "/bin/cat",
    args: ["cat", "/proc/self/status", "/proc/self/stat"],
    setsid: true,
    signalMask: [SIG.USR1],
  });
  expect(/SigIgn:\s+0+\n/.test(output)).toBe(true);
  // SIGUSR1 is bit 9.
  expect(/SigBlk:\s+0*200\n/.test(output)).toBe(true);
  const [pid, , , , , session] = output.trim().split("\n").at(-1)!.split(" ");
  expect(session).toBe(pid!);
});

test("how processes end", () => {
  const exited = posixSpawn({ path: "/bin/sh", args: ["sh", "-c", "exit 255"], env: [] });
  expect(waitpid(exited)).toEqual({ pid: exited, exitCode: 255, signal: 0, coreDumped: false });
  const killed = posixSpawn({ path: "/bin/sleep", args: ["sleep", "1000"], env: [] });
  expect(waitpid(killed, WNOHANG)).toBeUndefined();
  expect(processExists(killed)).toBe(true);
  kill(killed, SIG.TERM);
  expect(waitpid(killed)).toEqual({ pid: killed, exitCode: 143, signal: 15, coreDumped: false });
  expect(processExists(killed)).toBe(false);
  expect(() => waitpid(killed)).toThrow("waitpid: no child processes");
  expect(decodeWaitStatus(1, 0x8b)).toEqual({ pid: 1, exitCode: 139, signal: 11, coreDumped: true });
});

test("a pidfd takes signals, tells the end, and never means another process", () => {
  const pid = posixSpawn({ path: "/bin/sleep", args: ["sleep", "1000"], env: [] });
  const pidfd = pidfdOpen(pid);
  expect(waitReadable(pidfd, 0)).toBe(false);
  pidfdSendSignal(pidfd, SIG.KILL);
  expect(waitReadable(pidfd, 10_000)).toBe(true);
  expect(waitpid(pid)!.exitCode).toBe(137);
  expect(() => pidfdSendSignal(pidfd, SIG.KILL)).toThrow("no such process");
  close(pidfd);
});

test("resource limits", () => {
  const before = getrlimit(RLIMIT.core);
  setrlimit(RLIMIT.core, { soft: 4096, hard: before.hard });
  expect(getrlimit(RLIMIT.core)).toEqual({ soft: 4096, hard: before.hard });
  setrlimit(RLIMIT.core, before);
  expect(getrlimit(RLIMIT.core)).toEqual(before);
  expect(getrlimit(RLIMIT.cpu).hard).toBe(Number.POSITIVE_INFINITY);
  expect(getrlimit(RLIMIT.nofile, process.pid)).toEqual(getrlimit(RLIMIT.nofile));
});

test("prctl reads the capability bounding set", () => {
  expect(prctl(PR.CAPBSET_READ, 0)).toBe(1);
  expect(() => prctl(PR.CAPBSET_READ, 4000)).toThrow("invalid argument");
  expect(getpid()).toBe(process.pid);
});

test("names of signals as users say them", () => {
  for (const [text, number] of [
    ["9", 9],
    ["KILL", 9],
    ["SIGKILL", 9],
    ["sigterm", 15],
    ["RTMIN", 34],
    ["SIGRTMIN+3", 37],
    ["RTMAX-1", 63],
    ["RTMAX", 64],
    ["64", 64],
    ["IOT", 6],
    ["POLL", 29],
  ] as const) {
    expect(parseSignal(text)).toBe(number);
  }
  for (const wrong of [
    "",
    "0",
    "65",
    "-1",
    "SIG",
    "NOPE",
    "RTMIN-1",
    "RTMAX+1",
    "RTMIN+31",
    "constructor",
    "9x",
    "1e1",
  ]) {
    expect(parseSignal(wrong)).toBeUndefined();
  }
});
