/** What can be done to a project: each operation is one call of the engine (or a wait), and may be repeated. */
import type { Dependency } from "../model.ts";

/** Containers are told by the name that they have in the end: those that are yet to be made have no id. */
export type Operation =
  | { kind: "create-network"; key: string }
  /** `replaced`: another is made in its place, so it must go. */
  | { kind: "remove-network"; id: string; name: string; replaced?: boolean }
  | { kind: "disconnect-network"; id: string; name: string; container: string; containerId: string }
  | { kind: "create-volume"; key: string }
  | { kind: "remove-volume"; name: string }
  | { kind: "create-container"; service: string; number: number; container: string; replaces?: Replaced }
  /** Gives the container that was made in another's place its name. */
  | { kind: "rename-container"; container: string; service: string; id?: string }
  | { kind: "start-container"; container: string; service: string; restarts?: boolean }
  | { kind: "hook"; container: string; service: string; when: "post_start" | "pre_stop"; index: number }
  | { kind: "stop-container"; container: string; id: string; timeout?: number; quiet?: boolean }
  | { kind: "kill-container"; container: string; id: string; signal: string }
  | { kind: "restart-container"; container: string; id: string; timeout?: number }
  | {
      kind: "remove-container";
      container: string;
      id: string;
      force: boolean;
      volumes: boolean;
      quiet?: boolean;
    }
  | { kind: "wait"; service: string; containers: string[]; condition: Condition; required: boolean }
  | { kind: "remove-image"; name: string; optional: boolean }
  /** Nothing: other steps wait for many through it. */
  | { kind: "join"; what: string };

/** What is waited for; `running_or_healthy` is `--wait`. */
export type Condition = Dependency["condition"] | "running_or_healthy";

export interface Replaced {
  id: string;
  name: string;
  /** Its anonymous volumes are carried over. */
  keepVolumes: boolean;
}

export interface Step {
  id: number;
  operation: Operation;
  /** Steps that must have succeeded. */
  after: readonly number[];
}

export interface Plan {
  steps: readonly Step[];
}

/** Collects steps. A step's number is its place. */
export class PlanBuilder {
  readonly #steps: Step[] = [];

  add(operation: Operation, after: Iterable<number | undefined> = []): number {
    const id = this.#steps.length;
    const before = [...new Set([...after].filter((each): each is number => each !== undefined))];
    this.#steps.push({ id, operation, after: before });
    return id;
  }

  build(): Plan {
    return { steps: this.#steps };
  }
}

/** A plan in words, one step a line. */
export function describePlan(plan: Plan): string {
  return plan.steps
    .filter(({ operation }) => operation.kind !== "join")
    .map(({ operation }) => `${describeOperation(operation)}\n`)
    .join("");
}

function describeOperation(operation: Operation): string {
  const [verb, noun] = operation.kind.split("-") as [string, string | undefined];
  switch (operation.kind) {
    case "create-network":
    case "create-volume":
      return `${verb} ${noun} ${operation.key}`;
    case "remove-network":
    case "remove-volume":
    case "remove-image":
      return `${verb} ${noun} ${operation.name}`;
    case "create-container":
      return `create container ${operation.container}${operation.replaces ? ` in place of ${operation.replaces.id.slice(0, 12)}` : ""}`;
    case "disconnect-network":
      return `disconnect container ${operation.container} from network ${operation.name}`;
    case "wait":
      return `wait for ${operation.containers.join(", ")}: ${operation.condition}`;
    case "hook":
      return `run ${operation.when} hook ${operation.index + 1} in ${operation.container}`;
    case "join":
      return "";
    default:
      return `${verb} container ${operation.container}`;
  }
}
