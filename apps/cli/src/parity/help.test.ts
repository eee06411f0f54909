import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CATALOGUE, findEntry } from "../catalogue.ts";
import { shownName } from "../command.ts";
import { NOUNS } from "../nouns.ts";
import type { RecordedHelp } from "./record-help.ts";

const HELP = JSON.parse(readFileSync(join(import.meta.dir, "help.json"), "utf8")) as Record<
  string,
  RecordedHelp
>;

/** Docker's flags that we do not have, and why. */
const WITHOUT: Readonly<Record<string, string>> = {
  "use-api-socket": "hands the daemon's socket and credentials to a container; new and experimental",
  help: "every command has it",
  tree: "an experimental view of images of several platforms",
  availability: "volumes of a cluster",
  group: "volumes of a cluster",
  "limit-bytes": "volumes of a cluster",
  "required-bytes": "volumes of a cluster",
  scope: "volumes of a cluster",
  secret: "volumes of a cluster",
  sharing: "volumes of a cluster",
  "topology-preferred": "volumes of a cluster",
  "topology-required": "volumes of a cluster",
  type: "volumes of a cluster",
};

test.each(CATALOGUE.map((entry) => [entry.names[0], entry] as const))(
  "%s: the catalogue holds the declaration's names",
  async (_name, entry) => {
    const command = await entry.load();
    expect(command.names).toEqual([...entry.names]);
    expect(command.hidden ?? false).toBe(entry.hidden ?? false);
    expect(command.summary).not.toBe("");
  },
);

test.each(Object.entries(HELP))("%s: usage, aliases and flags are Docker's", async (name, docker) => {
  const found = findEntry(name.split(" "))!;
  expect(found.called).toBe(name);
  const command = await found.entry.load();
  expect(command.usage).toBe(docker.usage);
  expect(shownName(command, name)).toBe(name);
  if (docker.aliases.length > 0) expect(command.names).toEqual(docker.aliases);
  for (const [flag, { shorthand, type }] of Object.entries(docker.flags)) {
    if (flag in WITHOUT && command.flags[flag] === undefined) continue;
    const ours = command.flags[flag];
    expect([flag, ours?.shorthand, ours?.type]).toEqual([flag, shorthand, type]);
  }
});

test("every word that groups commands is described", () => {
  const used = CATALOGUE.flatMap(({ names }) =>
    names.flatMap((name) => {
      const words = name.split(" ");
      return words.slice(1).map((_, n) => words.slice(0, n + 1).join(" "));
    }),
  );
  expect(Object.keys(NOUNS).sort()).toEqual([...new Set(used)].sort());
  expect(new Set(CATALOGUE.flatMap(({ names }) => names)).size).toBe(
    CATALOGUE.flatMap(({ names }) => names).length,
  );
});

test("every command can be described", async () => {
  const { commandHelp, nounHelp, programHelp } = await import("../help.ts");
  for (const { names, load } of CATALOGUE) {
    const text = commandHelp("berth", await load(), names[0], 79);
    expect(text).toStartWith(`Usage:  berth ${names[0]}`);
    for (const line of text.split("\n")) expect(line.length).toBeLessThan(160);
  }
  expect(await nounHelp("berth", "container")).toContain("\n  ls ");
  expect(await programHelp("berth", 79)).toContain("\n  run ");
});
