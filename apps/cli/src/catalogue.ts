import { COMPOSE_COMMANDS } from "./catalogue-compose.ts";
import { IMAGE_COMMANDS } from "./catalogue-images.ts";
import { REGISTRY_COMMANDS } from "./catalogue-registry.ts";
import { SYSTEM_COMMANDS } from "./catalogue-system.ts";
import { type Entry, entry } from "./entry.ts";
import { NOUNS } from "./nouns.ts";

/** Every command. A test holds the names here to those of the declarations. */
export const CATALOGUE: readonly Entry[] = [
  entry(["container commit", "commit"], () => import("./commands/container/commit.ts")),
  entry(["container cp", "cp"], () => import("./commands/container/cp.ts")),
  entry(["container diff", "diff"], () => import("./commands/container/diff.ts")),
  entry(["container export", "export"], () => import("./commands/container/export.ts")),
  entry(["container inspect"], () => import("./commands/container/inspect.ts")),
  entry(["container kill", "kill"], () => import("./commands/container/kill.ts")),
  entry(["container logs", "logs"], () => import("./commands/container/logs.ts")),
  entry(["container ls", "container list", "container ps", "ps"], () => import("./commands/container/ls.ts")),
  entry(["container pause", "pause"], () => import("./commands/container/pause.ts")),
  entry(["container port", "port"], () => import("./commands/container/port.ts")),
  entry(["container prune"], () => import("./commands/container/prune.ts")),
  entry(["container rename", "rename"], () => import("./commands/container/rename.ts")),
  entry(["container restart", "restart"], () => import("./commands/container/restart.ts")),
  entry(["container rm", "container remove", "rm"], () => import("./commands/container/rm.ts")),
  entry(["container stop", "stop"], () => import("./commands/container/stop.ts")),
  entry(["container top", "top"], () => import("./commands/container/top.ts")),
  entry(["container unpause", "unpause"], () => import("./commands/container/unpause.ts")),
  entry(["container wait", "wait"], () => import("./commands/container/wait.ts")),
  entry(["container stats", "stats"], () => import("./commands/container/stats.ts")),
  entry(["container update", "update"], () => import("./commands/container/update.ts")),
  // commands/container/: here. commands/image/: catalogue-images.ts. network/, volume/, system/, context/, inspect: catalogue-system.ts.
  entry(["container attach", "attach"], () => import("./commands/container/attach.ts")),
  entry(["container create", "create"], () => import("./commands/container/create.ts")),
  entry(["container exec", "exec"], () => import("./commands/container/exec.ts")),
  entry(["container run", "run"], () => import("./commands/container/run.ts")),
  entry(["container start", "start"], () => import("./commands/container/start.ts")),
  entry(["completion"], () => import("./commands/completion.ts")),
  entry(["__complete"], () => import("./commands/complete.ts"), true),
  ...IMAGE_COMMANDS,
  ...COMPOSE_COMMANDS,
  ...REGISTRY_COMMANDS,
  ...SYSTEM_COMMANDS,
];

/** Looked up one after the other: building a map of them takes longer than a command's only look-up. */
function byName(name: string): Entry | undefined {
  for (const each of CATALOGUE) {
    for (const one of each.names) if (one === name) return each;
  }
  return undefined;
}

/** Whether a word groups commands: `container`, `image`, … */
export function isNoun(word: string): boolean {
  return Object.hasOwn(NOUNS, word);
}

/** @returns the command that the words begin with, how it was called, and the words behind. */
export function findEntry(
  words: readonly string[],
): { entry: Entry; called: string; rest: string[] } | undefined {
  const [first] = words;
  if (first === undefined) return undefined;
  let called = first;
  for (let count = 1; count < words.length && isNoun(called); count++) {
    called = `${called} ${words[count]}`;
    const entry = byName(called);
    if (entry !== undefined) return { entry, called, rest: words.slice(count + 1) };
  }
  const entry = byName(first);
  return entry === undefined ? undefined : { entry, called: first, rest: words.slice(1) };
}
