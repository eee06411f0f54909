/** gRPC's status codes that are used here. */
export const CODE = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;

/** A call that failed. `details`: an encoded google.rpc.Status (`grpc-status-details-bin`). */
export class GrpcError extends Error {
  readonly code: number;
  readonly details: Uint8Array | undefined;

  constructor(code: number, message: string, details?: Uint8Array) {
    super(message);
    this.name = "GrpcError";
    this.code = code;
    this.details = details;
  }
}

/** `grpc-message`: UTF-8, with everything but printable ASCII percent-encoded. */
export function encodeMessage(message: string): string {
  let out = "";
  for (const byte of new TextEncoder().encode(message)) {
    out +=
      byte < 0x20 || byte > 0x7e || byte === 0x25
        ? `%${byte.toString(16).toUpperCase().padStart(2, "0")}`
        : String.fromCharCode(byte);
  }
  return out;
}

/** Broken escapes stay as they are. */
export function decodeMessage(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
