/**
 * The closed set of error classes of Berth. Every failure that a user may see is a `BerthError`;
 * its `kind` decides the HTTP status (in `server`, the one place) and the CLI's exit status.
 * `message` is Docker's sentence where Docker has one, because scripts match on it.
 */
export type ErrorKind =
  | "invalid-parameter" // 400
  | "unauthorized" // 401
  | "forbidden" // 403
  | "not-found" // 404
  | "not-acceptable" // 406
  | "conflict" // 409
  | "not-modified" // 304
  | "too-large" // 413
  | "unavailable" // 503
  | "not-implemented" // 501
  | "cancelled" // 499, the caller went away
  | "system"; // 500

export interface ErrorDetails {
  /** What the user can do next; printed by the CLI below the message. */
  hint?: string;
  cause?: unknown;
  /** Exit status that `docker run` shall return for this failure (125, 126 or 127). */
  exitCode?: number;
}

export class BerthError extends Error {
  readonly kind: ErrorKind;
  readonly hint: string | undefined;
  readonly exitCode: number | undefined;

  constructor(kind: ErrorKind, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "BerthError";
    this.kind = kind;
    this.hint = details.hint;
    this.exitCode = details.exitCode;
  }
}

const make = (kind: ErrorKind) => (message: string, details?: ErrorDetails) =>
  new BerthError(kind, message, details);

export const invalidParameter = make("invalid-parameter");
export const unauthorized = make("unauthorized");
export const forbidden = make("forbidden");
export const notFound = make("not-found");
export const conflict = make("conflict");
export const notModified = make("not-modified");
export const tooLarge = make("too-large");
export const unavailable = make("unavailable");
export const notImplemented = make("not-implemented");
export const cancelled = make("cancelled");
export const systemError = make("system");

export function isKind(error: unknown, kind: ErrorKind): error is BerthError {
  return error instanceof BerthError && error.kind === kind;
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
