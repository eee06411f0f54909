import { BerthError, type ErrorKind } from "@berth/base/errors";

/** The daemon could not be reached. `code` is the system's (`ENOENT`, `ECONNREFUSED`, `EACCES`, …). */
export class ConnectError extends BerthError {
  readonly host: string;
  readonly code: string;

  constructor(host: string, code: string, message: string, cause?: unknown) {
    super("unavailable", message, { cause });
    this.name = "ConnectError";
    this.host = host;
    this.code = code;
  }
}

/** An answer with status 400 or above. `message` is the daemon's sentence, without any prefix. */
export class ApiError extends BerthError {
  readonly status: number;

  constructor(status: number, message: string) {
    super(kindOfStatus(status), message);
    this.name = "ApiError";
    this.status = status;
  }
}

/** The daemon's bytes were not HTTP, or ended too early. */
export class ProtocolError extends BerthError {
  constructor(message: string, cause?: unknown) {
    super("system", message, { cause });
    this.name = "ProtocolError";
  }
}

function kindOfStatus(status: number): ErrorKind {
  switch (status) {
    case 304:
      return "not-modified";
    case 401:
      return "unauthorized";
    case 403:
      return "forbidden";
    case 404:
      return "not-found";
    case 406:
      return "not-acceptable";
    case 409:
      return "conflict";
    case 413:
      return "too-large";
    case 501:
      return "not-implemented";
    case 503:
      return "unavailable";
    default:
      return status < 500 ? "invalid-parameter" : "system";
  }
}
