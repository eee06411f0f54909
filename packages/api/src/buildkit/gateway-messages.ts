import { Definition, Platform, Range, RpcStatus, SourceInfo, SourceOp, Stat } from "./common-messages.ts";
import { CacheOptionsEntry, WorkerRecord } from "./control-messages.ts";
import { bool, bytes, type Infer, int64, map, message, nested, repeated, string } from "./protobuf.ts";

// moby.buildkit.v1.frontend (frontend/gateway/pb/gateway.proto)

export const Ref = message({ id: string(1), def: nested(2, () => Definition) });
export const RefMap = message({ refs: map(nested(1, () => Ref)) });
export const Result = message({
  refString: string(1),
  ref: nested(3, () => Ref),
  refs: nested(4, () => RefMap),
  metadata: map(bytes(10)),
});
export type Result = Infer<typeof Result>;

export const APICap = message({ ID: string(1), Enabled: bool(2) });
export const PongResponse = message({
  FrontendAPICaps: repeated(nested(1, () => APICap)),
  LLBCaps: repeated(nested(2, () => APICap)),
  Workers: repeated(nested(3, () => WorkerRecord)),
});
export const SolveRequest = message({
  Definition: nested(1, () => Definition),
  Frontend: string(2),
  FrontendOpt: map(string(3)),
  importCacheRefs: repeated(string(4)),
  allowResultReturn: bool(5),
  allowResultArrayRef: bool(6),
  final: bool(10),
  exporterAttr: bytes(11),
  FrontendInputs: map(nested(13, () => Definition)),
  CacheImports: repeated(nested(12, () => CacheOptionsEntry)),
  Evaluate: bool(14),
});
export type SolveRequest = Infer<typeof SolveRequest>;
export const SolveResponse = message({ ref: string(1), result: nested(3, () => Result) });
export const ReturnRequest = message({ result: nested(1, () => Result), error: nested(2, () => RpcStatus) });
export const ResolveImageConfigRequest = message({
  Ref: string(1),
  Platform: nested(2, () => Platform),
  ResolveMode: string(3),
  LogName: string(4),
});
export const ResolveImageConfigResponse = message({ Digest: string(1), Config: bytes(2), Ref: string(3) });
export const ResolveSourceMetaRequest = message({
  Source: nested(1, () => SourceOp),
  Platform: nested(2, () => Platform),
  LogName: string(3),
  ResolveMode: string(4),
});
export const ResolveSourceImageResponse = message({ Digest: string(1), Config: bytes(2) });
export const ResolveSourceMetaResponse = message({
  Source: nested(1, () => SourceOp),
  Image: nested(2, () => ResolveSourceImageResponse),
});
export const FileRange = message({ Offset: int64(1), Length: int64(2) });
export const ReadFileRequest = message({
  Ref: string(1),
  FilePath: string(2),
  Range: nested(3, () => FileRange),
});
export const ReadFileResponse = message({ Data: bytes(1) });
export const ReadDirRequest = message({ Ref: string(1), DirPath: string(2), IncludePattern: string(3) });
export const ReadDirResponse = message({ entries: repeated(nested(1, () => Stat)) });
export const StatFileRequest = message({ Ref: string(1), Path: string(2) });
export const StatFileResponse = message({ stat: nested(1, () => Stat) });
export const EvaluateRequest = message({ Ref: string(1) });
export const InputsResponse = message({ Definitions: map(nested(1, () => Definition)) });
export const WarnRequest = message({
  digest: string(1),
  level: int64(2),
  short: bytes(3),
  detail: repeated(bytes(4)),
  url: string(5),
  info: nested(6, () => SourceInfo),
  ranges: repeated(nested(7, () => Range)),
});
