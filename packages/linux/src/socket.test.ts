import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { O } from "./constants.ts";
import type { SyscallError } from "./errno.ts";
import { open } from "./fs.ts";
import { close, F, fcntl, pipe2, read, WOULD_BLOCK, waitReadable, write } from "./io.ts";
import { MAX_DESCRIPTORS, recvmsg, sendmsg } from "./message.ts";
import { AF } from "./sockaddr.ts";
import {
  accept4,
  bind,
  connect,
  getpeername,
  getsockname,
  getsockopt,
  listen,
  peerCredentials,
  recv,
  recvfrom,
  SHUT,
  SO,
  SOCK,
  SOL,
  send,
  sendto,
  setsockopt,
  shutdown,
  socket,
  socketError,
  socketpair,
} from "./socket.ts";
import { fstat } from "./stat.ts";

const folder = mkdtempSync(join(tmpdir(), "berth-socket-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function closeAll(...descriptors: number[]): void {
  for (const fd of descriptors) close(fd);
}

test("SCM_RIGHTS passes descriptors with the bytes, close-on-exec", () => {
  const [here, there] = socketpair();
  const pipe = pipe2();
  expect(sendmsg(here, Buffer.from("take"), [pipe.write, pipe.write])).toBe(4);
  close(pipe.write);
  const buffer = new Uint8Array(16);
  const message = recvmsg(there, buffer)!;
  expect(message).toMatchObject({ count: 4, truncated: false });
  expect(message.descriptors).toHaveLength(2);
  for (const fd of message.descriptors) expect(fcntl(fd, F.GETFD)).toBe(1);
  write(message.descriptors[1]!, Buffer.from("through"));
  closeAll(...message.descriptors);
  expect(read(pipe.read, buffer)).toBe(7);
  expect(read(pipe.read, buffer)).toBe(0);
  closeAll(here, there, pipe.read);
});

test("descriptors beyond those asked for are closed, not leaked", () => {
  const [here, there] = socketpair();
  const pipe = pipe2();
  sendmsg(here, Buffer.from("x"), [pipe.write, pipe.write, pipe.write]);
  close(pipe.write);
  const message = recvmsg(there, new Uint8Array(1), 1)!;
  expect(message.descriptors).toHaveLength(1);
  expect(message.truncated).toBe(true);
  close(message.descriptors[0]!);
  // All write ends are closed: the pipe is at its end.
  expect(read(pipe.read, new Uint8Array(1))).toBe(0);
  closeAll(here, there, pipe.read);
});

test("as many descriptors as the kernel allows go in one message", () => {
  const [here, there] = socketpair(SOCK.SEQPACKET);
  const fd = open("/dev/null", O.RDONLY);
  sendmsg(here, Buffer.from("many"), Array(MAX_DESCRIPTORS).fill(fd));
  const message = recvmsg(there, new Uint8Array(8))!;
  expect(message.descriptors).toHaveLength(MAX_DESCRIPTORS);
  expect(message.truncated).toBe(false);
  expect(new Set(message.descriptors.map((each) => fstat(each).ino)).size).toBe(1);
  closeAll(...message.descriptors);
  expect(() => sendmsg(here, Buffer.from("x"), Array(MAX_DESCRIPTORS + 1).fill(fd))).toThrow(RangeError);
  closeAll(here, there, fd);
});

test("unix streams: listen, connect, half-close, credentials, names", () => {
  const path = join(folder, "s");
  const server = socket(AF.UNIX, SOCK.STREAM | SOCK.NONBLOCK);
  bind(server, { family: "unix", path });
  listen(server);
  expect(accept4(server)).toBe(WOULD_BLOCK);
  const client = socket(AF.UNIX, SOCK.STREAM);
  expect(connect(client, { family: "unix", path })).toBe(true);
  const connection = accept4(server, SOCK.NONBLOCK);
  expect(getpeername(client)).toEqual({ family: "unix", path });
  expect(peerCredentials(client)).toEqual({
    pid: process.pid,
    uid: process.getuid!(),
    gid: process.getgid!(),
  });
  expect(recv(connection, new Uint8Array(4))).toBe(WOULD_BLOCK);
  send(client, Buffer.from("..half.."), 2, 4);
  shutdown(client, SHUT.WR);
  const buffer = new Uint8Array(16);
  expect(recv(connection, buffer, 1)).toBe(4);
  expect(Buffer.from(buffer.subarray(1, 5)).toString()).toBe("half");
  expect(recv(connection, buffer)).toBe(0);
  send(connection, Buffer.from("back"));
  expect(recv(client, buffer)).toBe(4);
  closeAll(connection);
  expect(() => send(client, buffer)).toThrow("sendto: broken pipe");
  closeAll(client, server);
});

test("abstract and too long unix names", () => {
  const server = socket(AF.UNIX, SOCK.STREAM);
  const path = `\0berth-test-${process.pid}-${Math.random()}`;
  bind(server, { family: "unix", path });
  expect(getsockname(server)).toEqual({ family: "unix", path });
  const long = join(folder, "x".repeat(120));
  expect(() => bind(server, { family: "unix", path: long })).toThrow(`bind ${long}: file name too long`);
  close(server);
});

test("a unix name of exactly 107 bytes works", () => {
  const path = join(folder, "").padEnd(107, "n");
  const server = socket(AF.UNIX, SOCK.STREAM);
  bind(server, { family: "unix", path });
  expect(getsockname(server)).toEqual({ family: "unix", path });
  close(server);
});

for (const [family, address] of [
  ["inet", "127.0.0.1"],
  ["inet6", "::1"],
] as const) {
  const domain = family === "inet" ? AF.INET : AF.INET6;

  test(`${family}: tcp, with a non-blocking connect`, () => {
    const server = socket(domain, SOCK.STREAM);
    setsockopt(server, SOL.SOCKET, SO.REUSEADDR, 1);
    expect(getsockopt(server, SOL.SOCKET, SO.REUSEADDR)).toBe(1);
    bind(server, { family, address, port: 0 });
    listen(server);
    const name = getsockname(server);
    if (name.family !== family) throw new Error("wrong family");
    expect(name.address).toBe(address);
    const client = socket(domain, SOCK.STREAM | SOCK.NONBLOCK);
    if (!connect(client, name)) expect(socketError(client)).toBe(0);
    const connection = accept4(server);
    expect(getpeername(connection)).toEqual(getsockname(client));
    closeAll(connection, client);
    close(server);
    const refused = socket(domain, SOCK.STREAM);
    try {
      connect(refused, name);
      expect.unreachable();
    } catch (error) {
      expect((error as SyscallError).code).toBe("ECONNREFUSED");
      expect((error as SyscallError).path).toContain(String(name.port));
    }
    close(refused);
  });

  test(`${family}: udp, and where a datagram came from`, () => {
    const server = socket(domain, SOCK.DGRAM | SOCK.NONBLOCK);
    bind(server, { family, address, port: 0 });
    const client = socket(domain, SOCK.DGRAM);
    bind(client, { family, address, port: 0 });
    expect(recvfrom(server, new Uint8Array(1))).toBeUndefined();
    sendto(client, Buffer.from("-query"), 1, 5, 0, getsockname(server));
    expect(waitReadable(server, 5000)).toBe(true);
    const buffer = new Uint8Array(512);
    expect(recvfrom(server, buffer)).toEqual({ count: 5, from: getsockname(client) });
    expect(Buffer.from(buffer.subarray(0, 5)).toString()).toBe("query");
    closeAll(server, client);
  });
}
