import type { BuildWarning, ProgressEvent, Vertex } from "@berth/api/build";
import { type control, type Infer, timestamp } from "@berth/api/buildkit";
import { wholeOf } from "./failure.ts";

type Status = Partial<control.StatusResponse>;

const text = new TextEncoder();

/** Events of a build as BuildKit's StatusResponse. */
export function statusResponse(events: readonly ProgressEvent[]): Status {
  const vertexes: Infer<typeof control.Vertex>[] = [];
  const statuses: Infer<typeof control.VertexStatus>[] = [];
  const logs: Infer<typeof control.VertexLog>[] = [];
  const warnings: Infer<typeof control.VertexWarning>[] = [];
  for (const event of events) {
    if (event.type === "vertex") vertexes.push(vertexOf(event.vertex));
    else if (event.type === "warning") warnings.push(warningOf(event.warning));
    else if (event.type === "log") {
      const { vertex, stream, data, timestamp: at } = event.log;
      logs.push({ vertex, stream, msg: data, timestamp: timestamp(at) });
    } else {
      const { id, vertex, name, current, total, started, completed, timestamp: at } = event.status;
      statuses.push({
        ID: id,
        vertex,
        name,
        current,
        total,
        timestamp: timestamp(at),
        started: started === undefined ? undefined : timestamp(started),
        completed: completed === undefined ? undefined : timestamp(completed),
      });
    }
  }
  return { vertexes, statuses, logs, warnings };
}

function vertexOf(vertex: Vertex): Infer<typeof control.Vertex> {
  return {
    digest: vertex.digest,
    inputs: [...vertex.inputs],
    name: vertex.name,
    cached: vertex.cached,
    error: vertex.error ?? "",
    started: vertex.started === undefined ? undefined : timestamp(vertex.started),
    completed: vertex.completed === undefined ? undefined : timestamp(vertex.completed),
  };
}

function warningOf(warning: BuildWarning): Infer<typeof control.VertexWarning> {
  const { source } = warning;
  return {
    vertex: warning.vertex,
    level: warning.level,
    short: text.encode(warning.short),
    detail: warning.detail.map((line) => text.encode(line)),
    url: warning.url ?? "",
    info:
      source === undefined
        ? undefined
        : {
            filename: source.file,
            data: text.encode(wholeOf(source)),
            language: "Dockerfile",
          },
    ranges: source === undefined ? [] : [lines(source.startLine, source.endLine)],
  };
}

export function lines(start: number, end: number) {
  return { start: { line: start, character: 0 }, end: { line: end, character: 0 } };
}
