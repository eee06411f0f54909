/** Errors of @berth/client by name, so that a failure's message does not load the client. */
interface Named {
  ConnectError: Error & { host: string; code: string };
  ApiError: Error & { status: number; kind: string };
  ProtocolError: Error;
}

export function isBerthError<Name extends keyof Named>(error: unknown, name: Name): error is Named[Name] {
  return error instanceof Error && error.name === name;
}

/** An answer of the daemon that says that the thing is not there. */
export function isNotFound(error: unknown): boolean {
  return isBerthError(error, "ApiError") && error.status === 404;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
