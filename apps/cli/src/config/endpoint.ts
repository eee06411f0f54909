import type { Context } from "../context.ts";
import { CommandError } from "../errors.ts";

export const BERTH_SOCKET = "unix:///run/berth/berth.sock";
export const DOCKER_SOCKET = "unix:///var/run/docker.sock";

/** Where to connect, and which context says so. */
export interface Endpoint {
  /** `default`: no stored context. */
  context: string;
  host: string;
  /** Nothing was asked for: also tried when `host` is not there. */
  fallback?: string;
}

/** The context in use, as `context show` prints it. @throws CommandError when host and context are both given. */
export async function contextName(context: Context): Promise<string> {
  const { options, environment } = context;
  if (options.context !== undefined && options.hosts.length > 0) {
    throw new CommandError("conflicting options: either specify --host or --context, not both");
  }
  if (options.context !== undefined) return options.context;
  if (options.hosts.length > 0 || environment.DOCKER_HOST) return "default";
  if (environment.DOCKER_CONTEXT) return environment.DOCKER_CONTEXT;
  if (environment.BERTH_HOST) return "default";
  return (await context.configuration()).file.currentContext || "default";
}

/** `--host`, DOCKER_HOST, the context, BERTH_HOST, and then the sockets where daemons listen. */
export async function findEndpoint(context: Context): Promise<Endpoint> {
  const name = await contextName(context);
  const { options, environment } = context;
  if (name !== "default") {
    const { readContext } = await import("./context-store.ts");
    const { folder } = await context.configuration();
    const stored = await readContext(folder, name);
    const host = stored.Endpoints.docker?.Host;
    return { context: name, host: host || DOCKER_SOCKET };
  }
  if (options.hosts.length > 1) throw new CommandError("Specify only one -H");
  const asked = options.hosts[0] || environment.DOCKER_HOST || environment.BERTH_HOST;
  if (asked) return { context: name, host: asked.trim() };
  const [host, fallback] =
    context.program === "docker" ? [DOCKER_SOCKET, BERTH_SOCKET] : [BERTH_SOCKET, DOCKER_SOCKET];
  return { context: name, host, fallback };
}
