import { BerthError, type ErrorKind, messageOf } from "@berth/base";

/** The only place where an error class becomes an HTTP status. */
const STATUS: Record<ErrorKind, number> = {
  "invalid-parameter": 400,
  unauthorized: 401,
  forbidden: 403,
  "not-found": 404,
  "not-acceptable": 406,
  conflict: 409,
  "not-modified": 304,
  "too-large": 413,
  unavailable: 503,
  "not-implemented": 501,
  cancelled: 499,
  system: 500,
};

export interface ErrorAnswer {
  status: number;
  message: string;
}

export function errorAnswer(error: unknown): ErrorAnswer {
  return { status: error instanceof BerthError ? STATUS[error.kind] : 500, message: messageOf(error) };
}
