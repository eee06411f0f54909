import type { DiskUsage, EventMessage, Filters, SystemInfo, Version } from "@berth/api";

export interface EventsOptions {
  /** Nanoseconds since 1970. Past events are replayed from here. */
  since?: bigint;
  /** The stream ends when this moment has come. */
  until?: bigint;
  /** Keys as Docker's: config, container, daemon, event, image, label, network, node, plugin, scope, secret, service, type, volume. */
  filters: Filters;
}

export interface DiskUsageOptions {
  containers: boolean;
  images: boolean;
  volumes: boolean;
  buildCache: boolean;
}

/** What the system router needs. */
export interface SystemBackend {
  /** Whether clients that can are to build with BuildKit's sessions. */
  prefersBuildKit(): boolean;
  info(): Promise<SystemInfo>;
  version(): Promise<Version>;
  diskUsage(options: DiskUsageOptions, signal: AbortSignal): Promise<DiskUsage>;
  /** Subscribed when the promise resolves: no later event is missed. Ends soon after `signal` fired. */
  events(options: EventsOptions, signal: AbortSignal): Promise<AsyncIterable<EventMessage>>;
}
