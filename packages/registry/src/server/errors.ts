/** Error codes of the OCI distribution-spec and of Docker's registry API, with the status and sentence each is sent with. */
const CODES = {
  BLOB_UNKNOWN: [404, "blob unknown to registry"],
  BLOB_UPLOAD_INVALID: [400, "blob upload invalid"],
  BLOB_UPLOAD_UNKNOWN: [404, "blob upload unknown to registry"],
  DENIED: [403, "requested access to the resource is denied"],
  DIGEST_INVALID: [400, "provided digest did not match uploaded content"],
  MANIFEST_BLOB_UNKNOWN: [400, "blob unknown to registry"],
  MANIFEST_INVALID: [400, "manifest invalid"],
  MANIFEST_UNKNOWN: [404, "manifest unknown"],
  NAME_INVALID: [400, "invalid repository name"],
  NAME_UNKNOWN: [404, "repository name not known to registry"],
  PAGINATION_NUMBER_INVALID: [400, "invalid number of results requested"],
  RANGE_INVALID: [416, "invalid content range"],
  SIZE_INVALID: [400, "provided length did not match content length"],
  TAG_INVALID: [400, "manifest tag did not match URI"],
  TOOMANYREQUESTS: [429, "too many requests"],
  UNAUTHORIZED: [401, "authentication required"],
  UNAVAILABLE: [503, "service unavailable"],
  UNKNOWN: [500, "unknown error"],
  UNSUPPORTED: [405, "The operation is unsupported."],
} as const;

export type ErrorCode = keyof typeof CODES;

export interface RegistryErrorDetails {
  message?: string;
  /** Anything that JSON can say. */
  detail?: unknown;
  status?: number;
  headers?: Record<string, string>;
  cause?: unknown;
}

/** A failure that the client is told. */
export class RegistryError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly detail: unknown;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: ErrorCode, details: RegistryErrorDetails = {}) {
    super(
      details.message ?? CODES[code][1],
      details.cause === undefined ? undefined : { cause: details.cause },
    );
    this.name = "RegistryError";
    this.code = code;
    this.status = details.status ?? CODES[code][0];
    this.detail = details.detail;
    this.headers = details.headers ?? {};
  }
}

/** The body that the specification asks for (distribution-spec, "Error Codes"). */
export function errorResponse(error: RegistryError): Response {
  const body = { errors: [{ code: error.code, message: error.message, detail: error.detail }] };
  return new Response(`${JSON.stringify(body)}\n`, {
    status: error.status,
    headers: { "Content-Type": "application/json; charset=utf-8", ...error.headers },
  });
}
