import type { SourceExcerpt } from "@berth/api/build";
import { RpcStatus } from "@berth/api/buildkit";
import { CODE, GrpcError } from "@berth/api/grpc";
import { BerthError, type ErrorKind, messageOf } from "@berth/base";

const CODES: Partial<Record<ErrorKind, number>> = {
  "invalid-parameter": CODE.INVALID_ARGUMENT,
  "not-found": CODE.NOT_FOUND,
  conflict: CODE.ALREADY_EXISTS,
  unauthorized: CODE.UNAUTHENTICATED,
  forbidden: CODE.PERMISSION_DENIED,
  unavailable: CODE.UNAVAILABLE,
  "not-implemented": CODE.UNIMPLEMENTED,
  cancelled: CODE.CANCELLED,
};

/** How clients of BuildKit know where in the Dockerfile an error lies: a detail with the file and the lines. */
const SOURCE_URL = "github.com/moby/buildkit/errdefs.Source+json";

/** Any failure of a build as gRPC's status. */
export function grpcFailure(error: unknown): GrpcError {
  if (error instanceof GrpcError) return error;
  const code = (error instanceof BerthError ? CODES[error.kind] : undefined) ?? CODE.UNKNOWN;
  const message = failureText(error);
  const source = sourceOf(error);
  if (source === undefined) return new GrpcError(code, message);
  const detail = {
    info: {
      filename: source.file,
      // Clients count lines in the file's text: those before the excerpt are empty.
      data: Buffer.from("\n".repeat(source.startLine - 1) + source.text).toString("base64"),
      language: "Dockerfile",
    },
    ranges: [{ start: { line: source.startLine }, end: { line: source.endLine } }],
  };
  const status = RpcStatus.encode({
    code,
    message,
    details: [{ typeUrl: SOURCE_URL, value: new TextEncoder().encode(JSON.stringify(detail)) }],
  });
  return new GrpcError(code, message, status);
}

/** BuildKit's wording. */
export function failureText(error: unknown): string {
  return messageOf(error);
}

/** Of a BuildError of the builder. */
export function sourceOf(error: unknown): SourceExcerpt | undefined {
  const source = (error as { source?: SourceExcerpt } | undefined)?.source;
  return source !== undefined && typeof source.startLine === "number" ? source : undefined;
}
