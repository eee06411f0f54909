import type { Route } from "../http/router.ts";
import { archiveRoutes } from "./archive.ts";
import type { ContainerBackend } from "./backend.ts";
import { commitRoutes } from "./commit.ts";
import { createRoutes } from "./create.ts";
import { lifecycleRoutes } from "./lifecycle.ts";
import { listRoutes } from "./lists.ts";
import { streamRoutes } from "./streams.ts";
import { waitRoutes } from "./wait.ts";

export function containerRoutes(containers: ContainerBackend): Route[] {
  return [
    ...listRoutes(containers),
    ...createRoutes(containers),
    ...lifecycleRoutes(containers),
    ...waitRoutes(containers),
    ...streamRoutes(containers),
    ...archiveRoutes(containers),
    ...commitRoutes(containers),
  ];
}
