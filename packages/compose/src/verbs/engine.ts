import type { Client } from "@berth/client";
import type { RenderService } from "../config-hash.ts";
import type { ApiAccess } from "../container/api-socket.ts";
import type { Separator } from "../container/names.ts";
import type { ImageBuilder } from "../images/ensure.ts";
import type { PullAuth } from "../images/pull.ts";
import type { Progress } from "../progress.ts";

/** What commands work with; the command line provides it. */
export interface ComposeEngine {
  client: Client;
  progress: Progress;
  auth: PullAuth;
  /** For services with `use_api_socket`. */
  apiAccess: ApiAccess;
  builder: ImageBuilder;
  render: RenderService;
  separator: Separator;
  /** Containers, networks and volumes that are worked on at once (`--parallel`); absent: as many as the daemon likes. */
  atOnce?: number;
  /** No word about containers of services that the file no longer has. */
  ignoreOrphans?: boolean;
  /** Prints the plan instead of carrying it out. */
  dryRun?: (plan: string) => Promise<void>;
}
