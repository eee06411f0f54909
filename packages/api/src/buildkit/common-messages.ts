import {
  bigint64,
  bool,
  bytes,
  type Infer,
  int32,
  int64,
  map,
  message,
  nested,
  repeated,
  string,
  uint32,
} from "./protobuf.ts";

/** google.protobuf.Timestamp. */
export const Timestamp = message({ seconds: int64(1), nanos: int32(2) });
/** google.protobuf.Any. */
export const Any = message({ typeUrl: string(1), value: bytes(2) });
/** google.rpc.Status. */
export const RpcStatus = message({
  code: int32(1),
  message: string(2),
  details: repeated(nested(3, () => Any)),
});
/** `BytesMessage` of control, filesync, sshforward and upload. */
export const BytesMessage = message({ data: bytes(1) });

/** solver/pb. */
export const Platform = message({
  Architecture: string(1),
  OS: string(2),
  Variant: string(3),
  OSVersion: string(4),
  OSFeatures: repeated(string(5)),
});
export const Position = message({ line: int32(1), character: int32(2) });
export const Range = message({ start: nested(1, () => Position), end: nested(2, () => Position) });
/** `definition` is left out: nothing here has one. */
export const SourceInfo = message({ filename: string(1), data: bytes(2), language: string(4) });
export const SourceOp = message({ identifier: string(1), attrs: map(string(2)) });
export const OpMetadata = message({ ignoreCache: bool(1) });
export const Definition = message({
  def: repeated(bytes(1)),
  /** By the operations' digests. */
  metadata: map(nested(2, () => OpMetadata)),
});
export const OpInput = message({ digest: string(1), index: int64(2) });
export const Op = message({ inputs: repeated(nested(1, () => OpInput)), source: nested(3, () => SourceOp) });
/** solver/errdefs: where in the Dockerfile an error happened. */
export const ErrorSource = message({
  info: nested(1, () => SourceInfo),
  ranges: repeated(nested(2, () => Range)),
});

/** fsutil's Stat. `mode` is Go's FileMode, `modTime` nanoseconds since 1970. */
export const Stat = message({
  path: string(1),
  mode: uint32(2),
  uid: uint32(3),
  gid: uint32(4),
  size: int64(5),
  modTime: bigint64(6),
  linkname: string(7),
  devmajor: int64(8),
  devminor: int64(9),
  xattrs: map(bytes(10)),
});
export type Stat = Infer<typeof Stat>;

/** fsutil's Packet. */
export const Packet = message({
  type: uint32(1),
  stat: nested(2, () => Stat),
  id: uint32(3),
  data: bytes(4),
});
export type Packet = Infer<typeof Packet>;
export const PACKET = { STAT: 0, REQUEST: 1, DATA: 2, FIN: 3, ERROR: 4 } as const;

/** Nanoseconds since 1970 → Timestamp. */
export function timestamp(nanoseconds: bigint): Infer<typeof Timestamp> {
  return { seconds: Number(nanoseconds / 1_000_000_000n), nanos: Number(nanoseconds % 1_000_000_000n) };
}

export function nanoseconds(value: Infer<typeof Timestamp>): bigint {
  return BigInt(Math.trunc(value.seconds)) * 1_000_000_000n + BigInt(value.nanos);
}
