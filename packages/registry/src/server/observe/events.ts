import type { ContentDigest } from "../names.ts";

/** What was asked of the registry and happened, for those who are told (Docker's registry calls it a notification). */
export interface RegistryEvent {
  action: "push" | "pull" | "mount" | "delete";
  target: EventTarget;
  request: { address: string; host: string; method: string; agent: string };
  /** Empty: nobody in particular. */
  user: string;
}

export interface EventTarget {
  repository: string;
  digest?: ContentDigest;
  mediaType?: string;
  size?: number;
  tag?: string;
  /** Mounted from there. */
  fromRepository?: string;
  /** What a manifest names. */
  references?: { mediaType: string; size: number; digest: ContentDigest }[];
}

/** Takes an event; must not throw and not wait. */
export type EventSink = (event: RegistryEvent) => void;
