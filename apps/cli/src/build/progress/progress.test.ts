import { expect, test } from "bun:test";
import type { ProgressEvent, Vertex } from "@berth/api/build";
import { failureReport } from "../failure.ts";
import { PlainProgress } from "./plain.ts";
import { rawJsonLine } from "./raw-json.ts";
import { TerminalProgress } from "./terminal.ts";
import { harmless, Lines, size } from "./text.ts";

/** The terminal's own sequences. */
const SEQUENCES = new RegExp(`${String.fromCharCode(27)}\\[[0-9;?]*[A-Za-z]|\\r`, "g");
const SECOND = 1_000_000_000n;
const digest = (name: string) => `sha256:${name}` as Vertex["digest"];
const vertex = (name: string, more: Partial<Vertex> = {}): ProgressEvent => ({
  type: "vertex",
  vertex: { digest: digest(name), name, inputs: [], cached: false, ...more },
});
const log = (name: string, text: string, timestamp: bigint): ProgressEvent => ({
  type: "log",
  log: { vertex: digest(name), stream: 1, data: new TextEncoder().encode(text), timestamp },
});

function plain(events: ProgressEvent[], now: () => number = () => 0): string {
  let text = "";
  const progress = new PlainProgress(
    (part) => {
      text += part;
    },
    undefined,
    now,
  );
  for (const event of events) progress.event(event);
  progress.finish();
  return text;
}

test("plain: a step after the other", () => {
  expect(
    plain([
      vertex("[1/2] FROM busybox", { cached: true, started: SECOND, completed: SECOND }),
      vertex("[2/2] RUN make", { started: SECOND }),
      log("[2/2] RUN make", "one\ntw", SECOND + 123_000_000n),
      log("[2/2] RUN make", "o\n", SECOND + 200_000_000n),
      vertex("[2/2] RUN make", { started: SECOND, completed: 3n * SECOND }),
    ]),
  ).toBe("#1 [1/2] FROM busybox\n#1 CACHED\n\n#2 [2/2] RUN make\n#2 0.123 one\n#2 0.200 two\n#2 DONE 2.0s\n");
});

test("plain: what runs beside the step that is shown waits for its end", () => {
  expect(
    plain([
      vertex("a", { started: SECOND }),
      vertex("b", { started: SECOND }),
      log("b", "from b\n", SECOND),
      log("a", "from a\n", SECOND),
      vertex("b", { started: SECOND, completed: SECOND }),
      vertex("a", { started: SECOND, completed: SECOND, error: "broken" }),
    ]),
  ).toBe("#1 a\n#1 0.000 from a\n#1 ERROR: broken\n\n#2 b\n#2 0.000 from b\n#2 DONE 0.0s\n");
});

test("plain: a silent step gives way", () => {
  let now = 0;
  const events = [
    vertex("a", { started: SECOND }),
    vertex("b", { started: SECOND }),
    log("b", "x\n", SECOND),
  ];
  let text = "";
  const progress = new PlainProgress(
    (part) => {
      text += part;
    },
    undefined,
    () => now,
  );
  for (const event of events) {
    progress.event(event);
    now += 1500;
  }
  expect(text).toBe("#1 a\n#1 ...\n\n#2 b\n#2 0.000 x\n");
});

test("terminal: counts, marks, the last lines of what runs", () => {
  let text = "";
  const progress = new TerminalProgress(
    (part) => {
      text += part;
    },
    { size: () => ({ rows: 24, columns: 40 }), color: false, now: () => 3000 },
  );
  progress.event(vertex("[1/2] FROM busybox", { cached: true, started: SECOND, completed: SECOND }));
  progress.event(vertex("[2/2] RUN make", { started: SECOND }));
  progress.event(log("[2/2] RUN make", "x\x1b[2Jy\n", SECOND));
  text = "";
  progress.draw();
  progress.finish();
  const lines = text.split("\x1b[?25h")[0]?.replace(SEQUENCES, "").split("\n");
  expect(lines).toEqual([
    "[+] Building 0.0s (1/2)",
    " => CACHED [1/2] FROM busybox       0.0s",
    " => [2/2] RUN make                  2.0s",
    " => => # xy",
    "",
  ]);
});

test("terminal: in a small one what ended makes room; wide letters; a line that has not ended", () => {
  let text = "";
  const progress = new TerminalProgress(
    (part) => {
      text += part;
    },
    { size: () => ({ rows: 6, columns: 30 }), color: false, now: () => 3000 },
  );
  for (const name of ["a", "b", "c", "d"])
    progress.event(vertex(name, { started: SECOND, completed: 2n * SECOND }));
  progress.event(vertex("[1/2] RUN 日本語日本語日本語日本語", { started: SECOND }));
  progress.event(log("[1/2] RUN 日本語日本語日本語日本語", "one\ntwo\n10%\r20%", SECOND));
  progress.event(vertex("e", { started: SECOND }));
  progress.draw();
  const lines = text.split("\x1b[?25h")[0]?.replace(SEQUENCES, "").split("\n");
  progress.finish();
  expect(lines).toEqual([
    "[+] Building 0.0s (4/6)",
    " => d                     1.0s",
    " => [1/2] RUN 日本語日... 2.0s",
    " => => # 20%",
    " => e                     2.0s",
    "",
  ]);
});

test("rawjson: BuildKit's names", () => {
  expect(JSON.parse(rawJsonLine(log("a", "hi", SECOND)))).toEqual({
    logs: [{ vertex: "sha256:a", stream: 1, data: "aGk=", timestamp: "1970-01-01T00:00:01Z" }],
  });
});

test("a failure: last output and the lines of the Dockerfile", () => {
  const progress = new PlainProgress(() => {});
  progress.event(vertex("[2/2] RUN false", { started: SECOND }));
  progress.event(log("[2/2] RUN false", "before\n", SECOND + 50_000_000n));
  progress.event(vertex("[2/2] RUN false", { started: SECOND, completed: 2n * SECOND, error: "x" }));
  const source = { file: "Dockerfile", startLine: 2, endLine: 2, text: "RUN false" };
  expect(failureReport({ message: "m", source }, progress.steps, "FROM a\nRUN false\nCMD b\n")).toBe(
    "------\n > [2/2] RUN false:\n0.050 before\n------\nDockerfile:2\n--------------------\n" +
      "   1 |     FROM a\n   2 | >>> RUN false\n   3 |     CMD b\n--------------------\n",
  );
});

test("texts: sizes, lines, what a terminal would act on", () => {
  expect([0, 999, 1000, 1250, 12_345, 123_456_789].map(size)).toEqual([
    "0B",
    "999B",
    "1kB",
    "1.25kB",
    "12.3kB",
    "123MB",
  ]);
  const lines = new Lines();
  expect(lines.push(new TextEncoder().encode("10%\r20%\r\nab"))).toEqual(["20%"]);
  expect(lines.end()).toEqual(["ab"]);
  expect(harmless("a\x1b]0;title\x07b\x1b[31mc\u0007")).toBe("abc");
});
