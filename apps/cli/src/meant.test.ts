import { expect, test } from "bun:test";
import { findEntry } from "./catalogue.ts";
import { meantCommand, meantFlag } from "./meant.ts";

test.each([
  ["iamges", "images"],
  ["rn", "run"],
  ["prune system", "system prune"],
  ["ls container", "container ls"],
  ["netwrok ls", "network"],
  ["system prun", "system prune"],
  ["image buidl", "image build"],
  ["compose upp", "compose up"],
])("%s", (line, meant) => {
  expect(meantCommand("berth", line.split(" "))).toBe(`Did you mean 'berth ${meant}'?\n`);
});

test("nothing is close to some words", () => {
  for (const line of ["", "frobnicate", "image frobnicate", "swarm init"]) {
    expect([line, meantCommand("berth", line.split(" "))]).toEqual([line, ""]);
  }
});

test("flags", async () => {
  const up = await findEntry(["compose", "up"])!.entry.load();
  expect(meantFlag(up, "unknown flag: --scal")).toBe("Did you mean --scale?\n");
  expect(meantFlag(up, "unknown flag: --frobnicate")).toBe("");
  expect(meantFlag(up, "unknown shorthand flag: 'z' in -z")).toBe("");
});
