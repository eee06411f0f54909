import { goJsonSyntaxError } from "@berth/api/go-json";
import { BerthError, type ErrorKind } from "@berth/base";

/** What a registry answered instead of what was asked (distribution-spec, "Error Codes"). */
export class RegistryError extends BerthError {
  /** HTTP status. */
  readonly status: number;
  /** `MANIFEST_UNKNOWN`, `DENIED`, …; empty when the answer had none. */
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(kindOf(status), message);
    this.name = "RegistryError";
    this.status = status;
    this.code = code;
  }
}

function kindOf(status: number): ErrorKind {
  switch (status) {
    case 400:
      return "invalid-parameter";
    case 401:
      return "unauthorized";
    case 403:
      return "forbidden";
    case 404:
      return "not-found";
    case 413:
      return "too-large";
    default:
      return status === 408 || status === 429 || status >= 500 ? "unavailable" : "system";
  }
}

/** A connection that could not be made, or broke; `transient`: the next attempt may succeed. */
export class ConnectionError extends BerthError {
  readonly transient: boolean;
  /** Of the system or the TLS library: `ECONNREFUSED`, `EPROTO`, … */
  readonly code: string;

  constructor(message: string, code: string, transient: boolean, cause?: unknown) {
    super("system", message, cause === undefined ? {} : { cause });
    this.name = "ConnectionError";
    this.code = code;
    this.transient = transient;
  }
}

/** Documents of errors that are longer are cut: they are only words. */
export const MAX_ERROR_BYTES = 64 * 1024;
const MAX_WORDS = 1024;

const STATUS_CODES: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  406: "Not Acceptable",
  408: "Request Timeout",
  409: "Conflict",
  413: "Request Entity Too Large",
  416: "Requested Range Not Satisfiable",
  429: "Too Many Requests",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

/** `404 Not Found`. */
export function statusText(status: number): string {
  const words = STATUS_CODES[status];
  return words === undefined ? String(status) : `${status} ${words}`;
}

/** Codes for answers without a body, as Docker's client has them. */
const BY_STATUS: Readonly<Record<number, readonly [code: string, words: string]>> = {
  401: ["UNAUTHORIZED", "unauthorized: authentication required"],
  403: ["DENIED", "denied: requested access to the resource is denied"],
  429: ["TOOMANYREQUESTS", "toomanyrequests: too many requests"],
};

/** The sentence of a registry's answer: `manifest unknown: manifest unknown` of its JSON, else of its status. */
export function errorOfAnswer(status: number, body: Uint8Array): RegistryError {
  const text = new TextDecoder().decode(body.subarray(0, MAX_ERROR_BYTES));
  const found = readErrors(status, text);
  if (found.length > 0) {
    const [first] = found;
    const message =
      found.length === 1 ? first!.text : `errors:\n${found.map((each) => each.text).join("\n")}\n`;
    return new RegistryError(status, first!.code, message);
  }
  const known = BY_STATUS[status];
  const isText = text.trim() !== "" && !isJson(text);
  if (known !== undefined && !isText) return new RegistryError(status, known[0], known[1]);
  if (status >= 400 && status < 500 && text.trim() !== "") {
    const why = isText ? `${goJsonSyntaxError(text)}: ` : "";
    return new RegistryError(
      status,
      "",
      `error parsing HTTP ${status} response body: ${why}${JSON.stringify(text.slice(0, MAX_WORDS))}`,
    );
  }
  return new RegistryError(status, "", `received unexpected HTTP status: ${statusText(status)}`);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function readErrors(status: number, text: string): { code: string; text: string }[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return [];
  }
  if (typeof json !== "object" || json === null) return [];
  const { errors, details, message } = json as { errors?: unknown; details?: unknown; message?: unknown };
  if (Array.isArray(errors)) {
    return errors.slice(0, 8).flatMap((each: unknown) => {
      if (typeof each !== "object" || each === null) return [];
      const { code, message } = each as { code?: unknown; message?: unknown };
      if (typeof code !== "string") return [];
      const shown = code.slice(0, 100).toLowerCase().replaceAll("_", " ");
      const words = typeof message === "string" && message !== "" ? message.slice(0, MAX_WORDS) : shown;
      return [{ code, text: `${shown}: ${words}` }];
    });
  }
  // Token servers and old registries.
  for (const words of [details, message]) {
    if (typeof words !== "string" || words === "") continue;
    const [code, sentence] = BY_STATUS[status] ?? ["UNKNOWN", "unknown: "];
    return [{ code, text: `${sentence.slice(0, sentence.indexOf(":"))}: ${words.slice(0, MAX_WORDS)}` }];
  }
  return [];
}

/** An error in `WWW-Authenticate` says more than the body (RFC 6750, 3.1). */
export function bearerError(
  status: number,
  parameters: ReadonlyMap<string, string>,
): RegistryError | undefined {
  const description = parameters.get("error_description")?.slice(0, MAX_WORDS);
  switch (parameters.get("error")) {
    case "invalid_token":
      return new RegistryError(
        status,
        "UNAUTHORIZED",
        `unauthorized: ${description ?? "authentication required"}`,
      );
    case "insufficient_scope":
      return new RegistryError(
        status,
        "DENIED",
        `denied: ${description ?? "requested access to the resource is denied"}`,
      );
    default:
      return undefined;
  }
}
