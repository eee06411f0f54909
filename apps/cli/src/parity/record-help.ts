/**
 * Records usage, aliases and flags of Docker's commands: `bun record-help.ts [DOCKER]` writes help.json.
 * Recorded with Docker 28.2.2. Descriptions are not taken: ours are our own.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { CATALOGUE } from "../catalogue.ts";

export interface RecordedHelp {
  usage: string;
  aliases: string[];
  /** Name → shorthand and the word for the value. */
  flags: Record<string, { shorthand?: string; type: string }>;
}

const docker = process.argv[2] ?? "/usr/local/bin/docker";
const found: Record<string, RecordedHelp> = {};
for (const { names } of CATALOGUE) {
  // Of the same name, and another thing.
  if (names[0] === "completion") continue;
  for (const name of [names[0], ...names.filter((each) => !each.includes(" "))]) {
    const run = Bun.spawnSync([docker, ...name.split(" "), "--help"], {
      env: { HOME: "/nonexistent" },
      stderr: "ignore",
    });
    const text = run.stdout.toString();
    const usage = new RegExp(`^Usage:  docker ${name}(?: (.*))?$`, "m").exec(text);
    if (!run.success || usage === null) continue;
    const aliases = /^Aliases:\n {2}(.*)$/m.exec(text)?.[1] ?? "";
    const flags: RecordedHelp["flags"] = {};
    for (const flag of text.matchAll(/^ {2}(?: {4}|-(\S), )--([\w-]+)(?: ([\w-]+))?(?: {2,}.*)?$/gm)) {
      flags[flag[2]!] = { ...(flag[1] !== undefined && { shorthand: flag[1] }), type: flag[3] ?? "" };
    }
    found[name] = {
      usage: usage[1] ?? "",
      aliases: aliases
        .split(", ")
        .filter((alias) => alias !== "")
        .map((alias) => alias.replace(/^docker /, "")),
      flags,
    };
  }
}
writeFileSync(join(import.meta.dir, "help.json"), `${JSON.stringify(found, null, 1)}\n`);
