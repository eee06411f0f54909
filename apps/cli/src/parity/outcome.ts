import type { RecordedRequest } from "../testing/recorder.ts";

/** What one command line did. */
export interface Outcome {
  requests: RecordedRequest[];
  stdout: string;
  stderr: string;
  exitCode: number;
}

/**
 * A create request's body as what differs from `base`, the one of `run -d bb`: the golden file is read by people too.
 * A field that `base` has and the body has not is shown as `"absent"`.
 */
export function difference(body: unknown, base: unknown): unknown {
  if (!isObject(body) || !isObject(base)) return body;
  const found: Record<string, unknown> = {};
  for (const key of new Set([...Object.keys(base), ...Object.keys(body)])) {
    if (!Object.hasOwn(body, key)) found[key] = "absent";
    else if (!Bun.deepEquals(body[key], base[key])) found[key] = difference(body[key], base[key]);
  }
  return found;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The body of the create request of an outcome. */
export function createBody(outcome: Outcome): unknown {
  return outcome.requests.find(({ path }) => path === "/containers/create")?.body;
}

/**
 * Takes out of an outcome what may differ: paths of the machine, the order of what has none, round trips that we spare,
 * and the wording of warnings about deprecated flags.
 */
export function comparable(outcome: Outcome, folder: string, base?: unknown): Outcome {
  const text = JSON.stringify(outcome).replaceAll(folder, "<folder>");
  const { requests, ...rest } = JSON.parse(text) as Outcome;
  return {
    ...rest,
    requests: requests
      .filter(({ method, path }) => !(method === "GET" && /^\/containers\/[^/]+\/json$/.test(path)))
      .filter(({ path }) => !path.endsWith("/wait") && !path.endsWith("/version"))
      .map((request) => {
        // Docker asks for the id first; the name does as well.
        request.path = request.path.replace(/^\/containers\/[0-9a-f]{64}\//, "/containers/c/");
        const host = (request.body as { HostConfig?: { Binds?: string[] | null } } | undefined)?.HostConfig;
        // Docker's come out of a map.
        host?.Binds?.sort();
        (request.body as { Env?: string[] | null } | undefined)?.Env?.sort();
        if (base !== undefined && request.path === "/containers/create") {
          request.body = difference(request.body, base);
        }
        return request;
      })
      .sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0)),
  };
}
