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
}

export function buildService(builder: BuildBackend): BuildService {
  return {
    builder,
    sessions: new Sessions(),
    running: new RunningBuilds(builder),
    uploads: new Uploads(),
    workerId: newId(),
  };
}
