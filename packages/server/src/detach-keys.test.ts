import { expect, test } from "bun:test";
import { DetachScanner, parseDetachKeys } from "./detach-keys.ts";

test("Docker's notation", () => {
  expect(parseDetachKeys("")).toEqual(Uint8Array.of(16, 17));
  expect(parseDetachKeys("ctrl-a,d,DEL,ctrl-[")).toEqual(Uint8Array.of(1, 100, 127, 27));
  for (const wrong of ["foo", "ctrl-", "ctrl-1", "a,,b", "é"]) expect(parseDetachKeys(wrong)).toBeUndefined();
});

test("the sequence is found however the input is cut; a begun one that fails goes on whole", () => {
  const keys = Uint8Array.of(1, 1, 2);
  for (const [input, forward, detached] of [
    [[5, 1, 1, 2, 9], [5], true],
    [[1, 5], [1, 5], false],
    [[1, 1, 5], [1, 1, 5], false],
    [[5, 1, 1], [5], false],
  ] as const) {
    for (let cut = 0; cut <= input.length; cut++) {
      const scanner = new DetachScanner(keys);
      const first = scanner.feed(Uint8Array.from(input.slice(0, cut)));
      const second = first.detached
        ? { forward: new Uint8Array(), detached: true }
        : scanner.feed(Uint8Array.from(input.slice(cut)));
      expect([...first.forward, ...second.forward]).toEqual([...forward]);
      expect(second.detached).toBe(detached);
    }
  }
});
