import type { SourceExcerpt } from "@berth/api/build";
import { RpcStatus } from "@berth/api/buildkit";
import { CODE, GrpcError } from "@berth/api/grpc";
import { BerthError, type ErrorKind, messageOf } from "@berth/base";

/** All others are unknown, as of BuildKit: clients show every other code before the sentence. */
const CODES: Partial<Record<ErrorKind, number>> = {
  unauthorized: CODE.UNAUTHENTICATED,
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
      data: Buffer.from(wholeOf(source)).toString("base64"),
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

/** The file in which clients count lines; where only the excerpt is known, those before it are empty. */
export function wholeOf({ whole, startLine, text }: SourceExcerpt): string {
  return whole ?? "\n".repeat(startLine - 1) + text;
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
