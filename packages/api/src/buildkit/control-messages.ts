import { Definition, Platform, Range, RpcStatus, SourceInfo, Timestamp } from "./common-messages.ts";
import { bool, bytes, type Infer, int32, int64, map, message, nested, repeated, string } from "./protobuf.ts";

// moby.buildkit.v1 (api/services/control/control.proto, api/types/worker.proto)

export const CacheOptionsEntry = message({ Type: string(1), Attrs: map(string(2)) });
export const CacheOptions = message({
  exportRef: string(1),
  importRefs: repeated(string(2)),
  exportAttrs: map(string(3)),
  Exports: repeated(nested(4, () => CacheOptionsEntry)),
  Imports: repeated(nested(5, () => CacheOptionsEntry)),
});
export const ExporterEntry = message({ Type: string(1), Attrs: map(string(2)) });
export const SolveRequest = message({
  Ref: string(1),
  Definition: nested(2, () => Definition),
  Exporter: string(3),
  ExporterAttrs: map(string(4)),
  Session: string(5),
  Frontend: string(6),
  FrontendAttrs: map(string(7)),
  Cache: nested(8, () => CacheOptions),
  Entitlements: repeated(string(9)),
  FrontendInputs: map(nested(10, () => Definition)),
  Internal: bool(11),
  Exporters: repeated(nested(13, () => ExporterEntry)),
});
export type SolveRequest = Infer<typeof SolveRequest>;
export const SolveResponse = message({ ExporterResponse: map(string(1)) });

export const StatusRequest = message({ Ref: string(1) });
export const Vertex = message({
  digest: string(1),
  inputs: repeated(string(2)),
  name: string(3),
  cached: bool(4),
  started: nested(5, () => Timestamp),
  completed: nested(6, () => Timestamp),
  error: string(7),
});
export const VertexStatus = message({
  ID: string(1),
  vertex: string(2),
  name: string(3),
  current: int64(4),
  total: int64(5),
  timestamp: nested(6, () => Timestamp),
  started: nested(7, () => Timestamp),
  completed: nested(8, () => Timestamp),
});
export const VertexLog = message({
  vertex: string(1),
  timestamp: nested(2, () => Timestamp),
  stream: int64(3),
  msg: bytes(4),
});
export const VertexWarning = message({
  vertex: string(1),
  level: int64(2),
  short: bytes(3),
  detail: repeated(bytes(4)),
  url: string(5),
  info: nested(6, () => SourceInfo),
  ranges: repeated(nested(7, () => Range)),
});
export const StatusResponse = message({
  vertexes: repeated(nested(1, () => Vertex)),
  statuses: repeated(nested(2, () => VertexStatus)),
  logs: repeated(nested(3, () => VertexLog)),
  warnings: repeated(nested(4, () => VertexWarning)),
});
export type StatusResponse = Infer<typeof StatusResponse>;

export const BuildkitVersion = message({ package: string(1), version: string(2), revision: string(3) });
export const InfoResponse = message({ buildkitVersion: nested(1, () => BuildkitVersion) });
export const GCPolicy = message({
  all: bool(1),
  keepDuration: int64(2),
  keepBytes: int64(3),
  filters: repeated(string(4)),
});
export const WorkerRecord = message({
  ID: string(1),
  Labels: map(string(2)),
  platforms: repeated(nested(3, () => Platform)),
  GCPolicy: repeated(nested(4, () => GCPolicy)),
  BuildkitVersion: nested(5, () => BuildkitVersion),
});
export const ListWorkersResponse = message({ record: repeated(nested(1, () => WorkerRecord)) });

/** `maxUsedSpace` and `minFreeSpace` since BuildKit 0.17. */
export const PruneRequest = message({
  filter: repeated(string(1)),
  all: bool(2),
  keepDuration: int64(3),
  keepBytes: int64(4),
  maxUsedSpace: int64(5),
  minFreeSpace: int64(6),
});
export const UsageRecord = message({
  ID: string(1),
  Mutable: bool(2),
  InUse: bool(3),
  Size: int64(4),
  Parent: string(5),
  CreatedAt: nested(6, () => Timestamp),
  LastUsedAt: nested(7, () => Timestamp),
  UsageCount: int64(8),
  Description: string(9),
  RecordType: string(10),
  Shared: bool(11),
  Parents: repeated(string(12)),
});
export const DiskUsageRequest = message({ filter: repeated(string(1)) });
export const DiskUsageResponse = message({ record: repeated(nested(1, () => UsageRecord)) });

export const BuildHistoryRequest = message({ ActiveOnly: bool(1), Ref: string(2), EarlyExit: bool(3) });
export const BuildHistoryRecord = message({
  Ref: string(1),
  Frontend: string(2),
  FrontendAttrs: map(string(3)),
  Exporters: repeated(nested(4, () => ExporterEntry)),
  error: nested(5, () => RpcStatus),
  CreatedAt: nested(6, () => Timestamp),
  CompletedAt: nested(7, () => Timestamp),
  ExporterResponse: map(string(9)),
  Generation: int32(12),
  pinned: bool(14),
  numCachedSteps: int32(15),
  numTotalSteps: int32(16),
  numCompletedSteps: int32(17),
});
/** type: 0 started, 1 complete, 2 deleted. */
export const BuildHistoryEvent = message({ type: int32(1), record: nested(2, () => BuildHistoryRecord) });
export const UpdateBuildHistoryRequest = message({
  Ref: string(1),
  Pinned: bool(2),
  Delete: bool(3),
  Finalize: bool(4),
});
export const Empty = message({});
