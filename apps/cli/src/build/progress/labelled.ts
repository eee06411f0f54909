import type { ProgressEvent } from "@berth/api/build";
import { type Digest, sha256 } from "@berth/base";

/** An event of one build among several: its steps are its own, and their names begin with its label. */
export function labelled(event: ProgressEvent, label: string): ProgressEvent {
  const own = (digest: Digest) => sha256(`${label} ${digest}`);
  switch (event.type) {
    case "vertex": {
      const { vertex } = event;
      const { digest, name, inputs } = vertex;
      return {
        ...event,
        vertex: { ...vertex, digest: own(digest), name: named(name, label), inputs: inputs.map(own) },
      };
    }
    case "status":
      return { ...event, status: { ...event.status, vertex: own(event.status.vertex) } };
    case "log":
      return { ...event, log: { ...event.log, vertex: own(event.log.vertex) } };
    case "warning":
      return { ...event, warning: { ...event.warning, vertex: own(event.warning.vertex) } };
  }
}

/** `[2/3] RUN make` → `[web 2/3] RUN make` */
function named(name: string, label: string): string {
  return name.startsWith("[") ? `[${label} ${name.slice(1)}` : `[${label}] ${name}`;
}
