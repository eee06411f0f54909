import { expect, test } from "bun:test";
import { compareScenario, differenceOf } from "./compare.ts";
import { KNOWN_DIFFERENCES, REWRITINGS } from "./differences.ts";
import { Normaliser } from "./normalise.ts";
import { renderPage } from "./page.ts";
import { SCENARIOS } from "./scenarios/index.ts";

const step = (stdout: string, exitCode = 0, stderr = "") => ({ command: "c", stdout, stderr, exitCode });
const normaliser = () =>
  new Normaliser(
    { work: "/tmp/w", directory: "/tmp/d", block: 207, ports: [21401], hostAddress: "198.51.100.1" },
    { ["ab".repeat(32)]: "<busybox>" },
  );

test("there are many scenarios, each with a name of its own", () => {
  expect(SCENARIOS.length).toBeGreaterThanOrEqual(80);
  expect(new Set(SCENARIOS.map(({ name }) => name)).size).toBe(SCENARIOS.length);
});

test("every known difference belongs to a step", () => {
  for (const { scenario, step } of KNOWN_DIFFERENCES) {
    const found = SCENARIOS.find(({ name }) => name === scenario);
    expect([scenario, step, found?.steps.includes(step)]).toEqual([scenario, step, true]);
  }
});

test("docs/parity.md is what the lists say", async () => {
  const page = await Bun.file(`${import.meta.dir}/../../docs/parity.md`).text();
  expect(page).toBe(renderPage(SCENARIOS, KNOWN_DIFFERENCES, REWRITINGS));
});

test("what differs between runs gets a name; what differs between engines stays", () => {
  const { text } = { text: (raw: string) => normaliser().text(raw) };
  const id = "0123456789abcdef".repeat(4);
  expect(text(`${id} ${id.slice(0, 12)} sha256:${"ab".repeat(32)}`)).toBe("<id1> <id1:12> sha256:<busybox>");
  expect(
    text("2026-11-22T19:18:31.64Z 10.207.0.2 10.207.130.5 10.207.129.1 10.207.130.6 02:42:ac:11:00:02"),
  ).toBe("<time> 10.B.0.2 10.B.N1.5 10.B.N2.1 10.B.N1.6 <mac>");
  expect(text("Up 3 seconds; Exited (1) About a minute ago")).toBe(
    "Up <duration>; Exited (1) <duration> ago",
  );
  expect(text("0.0.0.0:32768->80/tcp 0.0.0.0:21401->81/tcp")).toBe(
    "0.0.0.0:<random port>->80/tcp 0.0.0.0:<P1>->81/tcp",
  );
  expect(text('"Pid": 1234, "Pid": 0')).toBe('"Pid": <pid>, "Pid": 0');
  expect(text("exit 125, 40007 bytes, /tmp/w/x /tmp/d/data")).toBe(
    "exit 125, 40007 bytes, <work>/x <daemon>/data",
  );
});

test("same, known and different are told apart, and a known difference that is gone is told too", () => {
  const known = [{ scenario: "s", step: "c", docker: /^old/, berth: /^new/, reason: "because" }];
  const verdict = (left: string, right: string) =>
    compareScenario("s", [step(left)], [step(right)], known, [])[0]!.verdict;
  expect(verdict("old", "new")).toBe("known");
  expect(verdict("old", "other")).toBe("differs");
  expect(verdict("old", "old")).toBe("differs");
  expect(compareScenario("t", [step("x")], [step("x")], known, [])[0]!.verdict).toBe("same");
  expect(compareScenario("t", [step("x")], [step("x", 1)], known, [])[0]!.verdict).toBe("differs");
  expect(compareScenario("t", [step("x")], [step("x", 0, "warning")], known, [])[0]!.verdict).toBe("differs");
});

test("the difference shows only what one side has", () => {
  expect(differenceOf("a\nb\nc", "a\nB\nc\nd")).toBe("- b\n+ B\n+ d");
});
