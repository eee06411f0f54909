import type { SystemInfo } from "@berth/api";

/** What GET /info and GET /version say that only the daemon knows. */
export interface SystemSettings {
  /** Stable for a data root. */
  id: string;
  /** Product version and commit; build time in RFC 3339. */
  version: string;
  commit: string;
  buildTime: string;
  apiVersion: string;
  minimumApiVersion: string;
  labels: readonly string[];
  debug: () => boolean;
  liveRestore: boolean;
  addressPools: { Base: string; Size: number }[];
  registry: SystemInfo["RegistryConfig"];
  proxies: { http: string; https: string; no: string };
}
