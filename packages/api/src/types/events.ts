export type EventType =
  | "container"
  | "image"
  | "network"
  | "volume"
  | "daemon"
  | "builder"
  | "plugin"
  | "service"
  | "node"
  | "secret"
  | "config";

export interface EventMessage {
  /** Containers and images only, equal to Action, Actor.ID and (containers) the image. The router removes them since API 1.52 only. */
  status?: string;
  id?: string;
  from?: string;
  Type: EventType;
  /** `start`, `exec_create: sh -c true`, `health_status: healthy`. */
  Action: string;
  Actor: { ID: string; Attributes: Record<string, string> };
  scope: "local" | "swarm";
  /** Seconds since 1970. */
  time: number;
  /** Nanoseconds since 1970: beyond 2^53, so a bigint, written as a number. */
  timeNano: bigint;
}
