import type { ProgressEvent } from "@berth/api/build";
import { rfc3339Nano } from "@berth/base";

/** `--progress rawjson`: BuildKit's SolveStatus as JSON, one a line. */
export function rawJsonLine(event: ProgressEvent): string {
  return `${JSON.stringify(solveStatus(event))}\n`;
}

function solveStatus(event: ProgressEvent): object {
  const time = (value: bigint | undefined) => (value === undefined ? undefined : rfc3339Nano(value));
  switch (event.type) {
    case "vertex": {
      const { digest, inputs, name, started, completed, cached, error } = event.vertex;
      return {
        vertexes: [
          {
            digest,
            ...(inputs.length > 0 && { inputs }),
            name,
            started: time(started),
            completed: time(completed),
            ...(cached && { cached }),
            error,
          },
        ],
      };
    }
    case "status": {
      const { id, vertex, name, total, current, timestamp, started, completed } = event.status;
      return {
        statuses: [
          {
            id,
            vertex,
            name,
            ...(total > 0 && { total }),
            current,
            timestamp: time(timestamp),
            started: time(started),
            completed: time(completed),
          },
        ],
      };
    }
    case "log": {
      const { vertex, stream, data, timestamp } = event.log;
      return {
        logs: [{ vertex, stream, data: Buffer.from(data).toString("base64"), timestamp: time(timestamp) }],
      };
    }
    case "warning": {
      const { vertex, level, short, detail, url, source } = event.warning;
      const encode = (text: string) => Buffer.from(text).toString("base64");
      return {
        warnings: [
          {
            vertex,
            level,
            short: encode(short),
            detail: detail.map(encode),
            url,
            ...(source !== undefined && {
              sourceInfo: { filename: source.file, data: encode(source.text) },
              range: [{ start: { line: source.startLine }, end: { line: source.endLine } }],
            }),
          },
        ],
      };
    }
  }
}
