import { expect, test } from "bun:test";
import { describeEndpoint, parseEndpoint } from "./endpoint.ts";

const defaults = { unixPath: "/run/x.sock", tls: false };

test("every form of --host", () => {
  for (const [text, wanted] of [
    ["", { kind: "unix", path: "/run/x.sock" }],
    ["unix://", { kind: "unix", path: "/run/x.sock" }],
    ["unix:///a/b.sock", { kind: "unix", path: "/a/b.sock" }],
    ["tcp://", { kind: "tcp", host: "127.0.0.1", port: 2375 }],
    ["tcp://0.0.0.0", { kind: "tcp", host: "0.0.0.0", port: 2375 }],
    ["tcp://:80", { kind: "tcp", host: "127.0.0.1", port: 80 }],
    ["1.2.3.4:5", { kind: "tcp", host: "1.2.3.4", port: 5 }],
    ["tcp://[::1]:7", { kind: "tcp", host: "::1", port: 7 }],
    ["fd://", { kind: "fd", name: "" }],
    ["fd://3", { kind: "fd", name: "3" }],
  ] as const) {
    expect(parseEndpoint(text, defaults)).toEqual(wanted);
  }
  expect(parseEndpoint("tcp://h", { ...defaults, tls: true })).toEqual({
    kind: "tcp",
    host: "h",
    port: 2376,
  });
  expect(describeEndpoint({ kind: "tcp", host: "::1", port: 7 })).toBe("[::1]:7");
});

test("what is no address", () => {
  expect(() => parseEndpoint("foo://x", defaults)).toThrow("invalid bind address format: foo://x");
  for (const text of ["tcp://1.2.3.4:99999", "tcp://a:b", "tcp://a/b", "tcp://a:1:2"]) {
    expect(() => parseEndpoint(text, defaults)).toThrow(`invalid bind address (${text})`);
  }
});
