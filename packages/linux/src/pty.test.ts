import { expect, test } from "bun:test";
import { close, read, readFull, waitReadable, writeAll } from "./io.ts";
import { waitpid } from "./process.ts";
import { getWindowSize, openPty, setWindowSize } from "./pty.ts";
import { posixSpawn } from "./spawn.ts";

/** Reads from a terminal until `end` matches, or everybody else closed it (EIO). */
function readUntil(fd: number, end: RegExp): string {
  let text = "";
  const buffer = new Uint8Array(4096);
  while (!end.test(text)) {
    if (!waitReadable(fd, 10_000)) throw new Error(`waited in vain, got ${JSON.stringify(text)}`);
    text += Buffer.from(buffer.subarray(0, read(fd, buffer))).toString();
  }
  return text;
}

test("a program on a pseudo terminal sees its size, its input, and changes of the size", () => {
  const pty = openPty({ rows: 24, columns: 81 });
  const pid = posixSpawn({
    path: "/bin/sh",
    args: ["sh", "-c", 'stty size; read line; echo "got $line"; stty size; tty'],
    env: ["PATH=/usr/bin:/bin"],
    setsid: true,
    descriptors: { 0: pty.slave, 1: pty.slave, 2: pty.slave },
  });
  close(pty.slave);
  expect(readUntil(pty.master, /\n/)).toBe("24 81\r\n");
  setWindowSize(pty.master, { rows: 50, columns: 132 });
  expect(getWindowSize(pty.master)).toEqual({ rows: 50, columns: 132 });
  writeAll(pty.master, Buffer.from("hello\n"));
  expect(readUntil(pty.master, /pts/)).toContain(`got hello\r\n50 132\r\n/dev/pts`);
  expect(waitpid(pid)!.exitCode).toBe(0);
  // What is left, until the hang-up: read fails with EIO.
  expect(() => readFull(pty.master, new Uint8Array(100))).toThrow("read: input/output error");
  close(pty.master);
});
