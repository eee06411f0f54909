import { type Entry, entry } from "./entry.ts";

/** Commands on images. */
export const IMAGE_COMMANDS: readonly Entry[] = [
  entry(
    ["buildx build", "build", "image build", "builder build", "buildx b"],
    () => import("./commands/image/build.ts"),
  ),
  entry(["image bootstrap"], () => import("./commands/image/bootstrap.ts")),
  entry(["image history", "history"], () => import("./commands/image/history.ts")),
  entry(["image import", "import"], () => import("./commands/image/import.ts")),
  entry(["image inspect"], () => import("./commands/image/inspect.ts")),
  entry(["image load", "load"], () => import("./commands/image/load.ts")),
  entry(["image ls", "image list", "images"], () => import("./commands/image/ls.ts")),
  entry(["image prune"], () => import("./commands/image/prune.ts")),
  entry(["image pull", "pull"], () => import("./commands/image/pull.ts")),
  entry(["image push", "push"], () => import("./commands/image/push.ts")),
  entry(["image rm", "image remove", "rmi"], () => import("./commands/image/rm.ts")),
  entry(["image save", "save"], () => import("./commands/image/save.ts")),
  entry(["image tag", "tag"], () => import("./commands/image/tag.ts")),
  entry(["search"], () => import("./commands/image/search.ts")),
];
