import type {
  Filters,
  Volume,
  VolumeCreateRequest,
  VolumeListResponse,
  VolumesPruneReport,
} from "@berth/api";

/** What the volume router needs. Methods throw not-found `get x: no such volume`. */
export interface VolumeBackend {
  /** `filters`: dangling, driver, label, name; keys validated by the router. */
  list(filters: Filters): Promise<VolumeListResponse>;
  inspect(name: string): Promise<Volume>;
  /** An existing one of the same driver is given back. */
  create(request: VolumeCreateRequest): Promise<Volume>;
  /** @throws conflict `remove x: volume is in use - [ids]`. */
  remove(name: string, options: { force: boolean }): Promise<void>;
  /** `filters`: all, label, label!. Without `all` only anonymous volumes (the router adds `all` below API 1.42). */
  prune(filters: Filters, signal: AbortSignal): Promise<VolumesPruneReport>;
}
