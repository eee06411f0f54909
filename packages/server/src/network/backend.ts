import type {
  Filters,
  NetworkConnectRequest,
  NetworkCreateRequest,
  NetworkCreateResponse,
  NetworkDisconnectRequest,
  NetworkInspect,
  NetworksPruneReport,
} from "@berth/api";

/** What the network router needs. `network`: name, id or id prefix; methods throw not-found `network x not found`. */
export interface NetworkBackend {
  /** `filters`: dangling, driver, id, label, name, scope, type; keys validated by the router. */
  list(filters: Filters): Promise<NetworkInspect[]>;
  inspect(network: string, options: { verbose: boolean; scope: string }): Promise<NetworkInspect>;
  /** @throws conflict `network with name x already exists`. */
  create(request: NetworkCreateRequest): Promise<NetworkCreateResponse>;
  /** @throws forbidden when it is predefined or has active endpoints. */
  remove(network: string): Promise<void>;
  connect(network: string, request: NetworkConnectRequest): Promise<void>;
  disconnect(network: string, request: NetworkDisconnectRequest): Promise<void>;
  /** `filters`: label, label!, until. */
  prune(filters: Filters, signal: AbortSignal): Promise<NetworksPruneReport>;
}
