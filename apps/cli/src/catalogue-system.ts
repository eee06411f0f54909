import { type Entry, entry } from "./entry.ts";

/** Commands on networks, volumes, contexts and the daemon. */
export const SYSTEM_COMMANDS: readonly Entry[] = [
  entry(["inspect"], () => import("./commands/inspect.ts")),
  entry(["login"], () => import("./commands/system/login.ts")),
  entry(["logout"], () => import("./commands/system/logout.ts")),
  entry(["network connect"], () => import("./commands/network/connect.ts")),
  entry(["network create"], () => import("./commands/network/create.ts")),
  entry(["network disconnect"], () => import("./commands/network/disconnect.ts")),
  entry(["network inspect"], () => import("./commands/network/inspect.ts")),
  entry(["network ls", "network list"], () => import("./commands/network/ls.ts")),
  entry(["network prune"], () => import("./commands/network/prune.ts")),
  entry(["network rm", "network remove"], () => import("./commands/network/rm.ts")),
  entry(["system df"], () => import("./commands/system/df.ts")),
  entry(["system dial-stdio"], () => import("./commands/system/dial-stdio.ts"), true),
  entry(["system events", "events"], () => import("./commands/system/events.ts")),
  entry(["system info", "info"], () => import("./commands/system/info.ts")),
  entry(["system prune"], () => import("./commands/system/prune.ts")),
  entry(["version"], () => import("./commands/system/version.ts")),
  entry(["volume create"], () => import("./commands/volume/create.ts")),
  entry(["volume inspect"], () => import("./commands/volume/inspect.ts")),
  entry(["volume ls", "volume list"], () => import("./commands/volume/ls.ts")),
  entry(["volume prune"], () => import("./commands/volume/prune.ts")),
  entry(["volume rm", "volume remove"], () => import("./commands/volume/rm.ts")),
  entry(["volume update"], () => import("./commands/volume/update.ts")),
];
