/** One HTTP request to an engine's socket, as a client without any library would make it. */

export interface ApiResponse {
  status: number;
  headers: Headers;
  text: string;
  /** The body as JSON. @throws when it is none. */
  json<T = unknown>(): T;
}

/** `body`: an object becomes JSON; text and bytes go as they are. */
export async function requestApi(
  socket: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<ApiResponse> {
  const plain = body === undefined || typeof body === "string" || body instanceof Uint8Array;
  const response = await fetch(`http://engine${path}`, {
    unix: socket,
    method,
    headers: { ...(body === undefined ? {} : { "Content-Type": "application/json" }), ...headers },
    ...(body === undefined
      ? {}
      : { body: plain ? (body as string | Uint8Array<ArrayBuffer>) : JSON.stringify(body) }),
    signal: AbortSignal.timeout(60_000),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: <T>() => JSON.parse(text) as T };
}
