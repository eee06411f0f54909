import { expect, test } from "bun:test";
import { plainText, terminalText } from "./progress.ts";

test.each([
  [{ status: "Pulling fs layer", id: "abc" }, "abc: Pulling fs layer\n"],
  [{ status: "Digest: sha256:1" }, "Digest: sha256:1\n"],
  [{ status: "Downloading", id: "abc", progressDetail: { current: 1, total: 2 } }, ""],
  [{ status: "Done", id: "abc", progressDetail: {} }, "abc: Done\n"],
  [{ stream: "Loaded image: a:1\n" }, "Loaded image: a:1\n"],
])("without a terminal, %j", (message, expected) => {
  expect(plainText(message)).toBe(expected);
});

test("on a terminal each id keeps its line", () => {
  const lines = new Map<string, number>();
  const show = (id: string, status: string) => terminalText({ id, status }, lines, 80);
  expect(show("a", "Waiting")).toBe("\x1b[2Ka: Waiting\r\n");
  expect(show("b", "Waiting")).toBe("\x1b[2Kb: Waiting\r\n");
  expect(show("a", "Done")).toBe("\x1b[2A\x1b[2Ka: Done\r\x1b[2B");
  expect(show("b", "Done")).toBe("\x1b[1A\x1b[2Kb: Done\r\x1b[1B");
});

test("a bar where there is room", () => {
  const message = { id: "a", status: "Extracting", progressDetail: { current: 500_000, total: 1_000_000 } };
  expect(terminalText(message, new Map(), 120)).toContain(
    `[${"=".repeat(25)}>${" ".repeat(25)}]    500kB/1MB`,
  );
  expect(terminalText(message, new Map(), 80)).toContain("Extracting    500kB/1MB");
});
