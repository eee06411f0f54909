import { bytes, int32, int64, map, message, nested, string } from "./protobuf.ts";

// containerd.services.content.v1.Content, as a client of BuildKit offers OCI layouts of its own through its session.

const Info = message({ digest: string(1), size: int64(2), labels: map(string(5)) });

export const InfoRequest = message({ digest: string(1) });
export const InfoResponse = message({ info: nested(1, () => Info) });

/** `size` 0: to the end. */
export const ReadContentRequest = message({ digest: string(1), offset: int64(2), size: int64(3) });
export const ReadContentResponse = message({ offset: int64(1), data: bytes(2) });

/** What a message of a write wants. */
export const WRITE = { STAT: 0, WRITE: 1, COMMIT: 2 } as const;

export const WriteContentRequest = message({
  action: int32(1),
  ref: string(2),
  total: int64(3),
  expected: string(4),
  offset: int64(5),
  data: bytes(6),
  labels: map(string(7)),
});
export const WriteContentResponse = message({
  action: int32(1),
  offset: int64(4),
  total: int64(5),
  digest: string(6),
});

export const CONTENT_METHODS = {
  info: "/containerd.services.content.v1.Content/Info",
  read: "/containerd.services.content.v1.Content/Read",
  write: "/containerd.services.content.v1.Content/Write",
} as const;

/** Which of the client's stores a call is about. */
export const CONTENT_STORE = "buildkit-attachable-store-id";
