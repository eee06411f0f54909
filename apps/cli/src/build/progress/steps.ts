import type { BuildWarning, ProgressEvent, Vertex, VertexStatus } from "@berth/api/build";
import { Lines } from "./text.ts";

/** Lines of a step that are kept for its error. */
const KEPT_LINES = 200;

export interface LogLine {
  text: string;
  timestamp: bigint;
}

/** One step as far as it is known. */
export interface StepView {
  /** From 1, in the order of their beginnings. */
  readonly number: number;
  vertex: Vertex;
  readonly statuses: Map<string, VertexStatus>;
  readonly log: LogLine[];
  readonly lines: Lines;
}

/** What changed by an event. */
export type Change =
  | { kind: "begun" | "ended"; step: StepView }
  | { kind: "status"; step: StepView; status: VertexStatus }
  | { kind: "log"; step: StepView; lines: LogLine[] };

/** All steps of a build, from its events; what every view shows. */
export class Steps {
  readonly all: StepView[] = [];
  readonly warnings: BuildWarning[] = [];
  /** Steps that are known, begun or not. */
  readonly known = new Map<string, Vertex>();
  readonly #begun = new Map<string, StepView>();

  /** @returns the changes, in order. */
  take(event: ProgressEvent): Change[] {
    if (event.type === "warning") {
      this.warnings.push(event.warning);
      return [];
    }
    if (event.type === "vertex") return this.#vertex(event.vertex);
    const { vertex } = event.type === "status" ? event.status : event.log;
    const step = this.#begun.get(vertex);
    if (step === undefined) return [];
    if (event.type === "status") {
      step.statuses.set(event.status.id, event.status);
      return [{ kind: "status", step, status: event.status }];
    }
    const { timestamp, data } = event.log;
    return this.#logged(
      step,
      step.lines.push(data).map((text) => ({ text, timestamp })),
    );
  }

  #vertex(vertex: Vertex): Change[] {
    this.known.set(vertex.digest, vertex);
    if (vertex.started === undefined && !vertex.cached && vertex.completed === undefined) return [];
    const before = this.#begun.get(vertex.digest);
    const step = before ?? {
      number: this.all.length + 1,
      vertex,
      statuses: new Map(),
      log: [],
      lines: new Lines(),
    };
    const wasEnded = before !== undefined && isEnded(before.vertex);
    step.vertex = vertex;
    const changes: Change[] = [];
    if (before === undefined) {
      this.#begun.set(vertex.digest, step);
      this.all.push(step);
      changes.push({ kind: "begun", step });
    }
    if (isEnded(vertex) && !wasEnded) {
      const timestamp = vertex.completed ?? vertex.started ?? 0n;
      changes.push(
        ...this.#logged(
          step,
          step.lines.end().map((text) => ({ text, timestamp })),
        ),
      );
      changes.push({ kind: "ended", step });
    }
    return changes;
  }

  #logged(step: StepView, lines: LogLine[]): Change[] {
    if (lines.length === 0) return [];
    step.log.push(...lines);
    if (step.log.length > KEPT_LINES * 2) step.log.splice(0, step.log.length - KEPT_LINES);
    return [{ kind: "log", step, lines }];
  }
}

export function isEnded(vertex: Vertex): boolean {
  return vertex.completed !== undefined || (vertex.cached && vertex.started === undefined);
}
