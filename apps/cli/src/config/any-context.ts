import type { Context } from "../context.ts";
import { readContext, type StoredContext } from "./context-store.ts";
import type { TlsFiles } from "./context-tls.ts";
import { DOCKER_SOCKET, findEndpoint } from "./endpoint.ts";
import { storedTls } from "./store-context.ts";

export const DEFAULT_DESCRIPTION = "Current DOCKER_HOST based configuration";

/** A stored context, or `default`: what options and environment say. @throws CommandError when there is none. */
export async function anyContext(
  context: Context,
  name: string,
): Promise<{ stored: StoredContext; tls: TlsFiles }> {
  const { folder } = await context.configuration();
  if (name !== "default")
    return { stored: await readContext(folder, name), tls: await storedTls(folder, name) };
  return { stored: await defaultContext(context), tls: new Map() };
}

/** The context that is not stored. */
export async function defaultContext(context: Context): Promise<StoredContext> {
  const { options, environment } = context;
  // What counts here is the host without any context.
  const bare = { ...context, options: { ...options, context: "default" } };
  const asked = options.hosts[0] || environment.DOCKER_HOST;
  const host =
    asked ||
    (await findEndpoint(bare).then(
      (found) => found.host,
      () => DOCKER_SOCKET,
    ));
  return { Name: "default", Metadata: {}, Endpoints: { docker: { Host: host, SkipTLSVerify: false } } };
}
