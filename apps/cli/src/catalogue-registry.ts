import { type Entry, entry } from "./entry.ts";

/** Commands of `buildx` and `builder` besides `build`, and those on what is in registries. */
export const REGISTRY_COMMANDS: readonly Entry[] = [
  entry(["builder prune", "buildx prune"], () => import("./commands/buildx/prune.ts")),
  entry(["buildx bake", "bake", "buildx f"], () => import("./commands/buildx/bake.ts")),
  entry(["buildx du"], () => import("./commands/buildx/du.ts")),
  entry(["buildx history inspect"], () => import("./commands/buildx/history-inspect.ts")),
  entry(["buildx history ls"], () => import("./commands/buildx/history-ls.ts")),
  entry(["buildx history rm"], () => import("./commands/buildx/history-rm.ts")),
  entry(["buildx inspect"], () => import("./commands/buildx/inspect.ts")),
  entry(["buildx ls"], () => import("./commands/buildx/ls.ts")),
  entry(["buildx version"], () => import("./commands/buildx/version.ts")),
  entry(["buildx imagetools create"], () => import("./commands/buildx/imagetools-create.ts")),
  entry(["buildx imagetools inspect"], () => import("./commands/buildx/imagetools-inspect.ts")),
  entry(["manifest annotate"], () => import("./commands/manifest/annotate.ts")),
  entry(["manifest create"], () => import("./commands/manifest/create.ts")),
  entry(["manifest inspect"], () => import("./commands/manifest/inspect.ts")),
  entry(["manifest push"], () => import("./commands/manifest/push.ts")),
  entry(["manifest rm"], () => import("./commands/manifest/rm.ts")),
];
