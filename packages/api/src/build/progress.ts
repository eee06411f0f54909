import type { Digest } from "@berth/base";
import type { SourceExcerpt } from "./builder.ts";

/** What a build tells while it runs: BuildKit's model (api/services/control, solver/pb). */
export type ProgressEvent =
  /** A new vertex, or a known one that changed: the later one replaces the earlier. */
  | { type: "vertex"; vertex: Vertex }
  | { type: "status"; status: VertexStatus }
  | { type: "log"; log: VertexLog }
  | { type: "warning"; warning: BuildWarning };

export type ProgressSink = (event: ProgressEvent) => void;

/** One step. Times are nanoseconds since 1970. */
export interface Vertex {
  digest: Digest;
  /** As shown: `[build 2/5] RUN make`, `[internal] load build definition from Dockerfile`, `exporting to image`. */
  name: string;
  inputs: readonly Digest[];
  started?: bigint;
  completed?: bigint;
  cached: boolean;
  /** Its failure; cancelled ones say `context canceled`. */
  error?: string;
  /** Of a Dockerfile instruction: for the classic `Step 2/5 : RUN make`. */
  step?: { stage: string; number: number; total: number; text: string; source: SourceExcerpt };
  /** Why it was, or was not, taken from the cache. */
  reason?: string;
  /** Of a step that was executed or found: an id to show (classic `---> 4bd1…`). */
  result?: string;
}

/** Part of a vertex with a progress of its own: a layer that is pulled, a context that is transferred. */
export interface VertexStatus {
  id: string;
  vertex: Digest;
  name: string;
  current: number;
  /** 0: unknown. */
  total: number;
  /** Nanoseconds since 1970. */
  timestamp: bigint;
  started?: bigint;
  completed?: bigint;
}

export interface VertexLog {
  vertex: Digest;
  stream: 1 | 2;
  data: Uint8Array;
  timestamp: bigint;
}

export interface BuildWarning {
  vertex: Digest;
  level: number;
  /** One line: `JSONArgsRecommended: JSON arguments recommended for CMD …`. */
  short: string;
  detail: readonly string[];
  url?: string;
  source?: SourceExcerpt;
}
