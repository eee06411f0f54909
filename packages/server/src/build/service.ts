import type { BuildRequest } from "@berth/api/build";
import { newId } from "@berth/base";
import type { BuildBackend } from "./backend.ts";
import { RunningBuilds } from "./running.ts";
import { Sessions } from "./session/session.ts";
import { Uploads } from "./uploads.ts";

/** What the ways into the builder share. */
export interface BuildService {
  readonly builder: BuildBackend;
  readonly sessions: Sessions;
  readonly running: RunningBuilds;
  readonly uploads: Uploads;
  /** Names this daemon as BuildKit's worker. */
  readonly workerId: string;
  /** What results of client-driven builds were asked for, by the names that they were given. */
  readonly results: Map<string, BuildRequest>;
}

export function buildService(builder: BuildBackend): BuildService {
  return {
    builder,
    sessions: new Sessions(),
    running: new RunningBuilds(builder),
    uploads: new Uploads(),
    workerId: newId(),
    results: new Map(),
  };
}
