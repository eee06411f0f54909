import { type Entry, entry } from "./entry.ts";

/** Commands on what is in registries, which this process reaches itself. */
export const REGISTRY_COMMANDS: readonly Entry[] = [
  entry(["buildx imagetools create"], () => import("./commands/buildx/imagetools-create.ts")),
  entry(["buildx imagetools inspect"], () => import("./commands/buildx/imagetools-inspect.ts")),
  entry(["manifest annotate"], () => import("./commands/manifest/annotate.ts")),
  entry(["manifest create"], () => import("./commands/manifest/create.ts")),
  entry(["manifest inspect"], () => import("./commands/manifest/inspect.ts")),
  entry(["manifest push"], () => import("./commands/manifest/push.ts")),
  entry(["manifest rm"], () => import("./commands/manifest/rm.ts")),
];
