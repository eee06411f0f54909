import { chmodSync, existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "@berth/base";
import type { Collected, CollectOptions } from "@berth/registry/server";

/** Longest path of a unix socket. */
const LONGEST = 107;

function socketOf(root: string): string | undefined {
  const path = join(root, "docker/registry/v2/_berth/control.sock");
  return Buffer.byteLength(path) > LONGEST ? undefined : path;
}

/** The socket in the storage folder on which a registry that serves it takes orders of `berth registry gc`. */
export function serveControl(
  root: string,
  collect: (options: CollectOptions) => Promise<Collected>,
): Disposable | undefined {
  const path = socketOf(root);
  if (path === undefined) return undefined;
  rmSync(path, { force: true });
  const server = Bun.serve({
    unix: path,
    development: false,
    async fetch(request) {
      if (request.method !== "POST" || new URL(request.url).pathname !== "/collect")
        return new Response(null, { status: 404 });
      try {
        return Response.json(await collect((await request.json()) as CollectOptions));
      } catch (error) {
        return Response.json({ error: messageOf(error) }, { status: 500 });
      }
    },
  });
  chmodSync(path, 0o600);
  return {
    [Symbol.dispose]: () => {
      void server.stop(true);
      rmSync(path, { force: true });
    },
  };
}

/** Asks the registry that serves the folder to collect; undefined when none does. @throws Error of the registry. */
export async function askToCollect(root: string, options: CollectOptions): Promise<Collected | undefined> {
  const path = socketOf(root);
  if (path === undefined || !existsSync(path)) return undefined;
  let response: Response;
  try {
    response = await fetch("http://registry/collect", {
      unix: path,
      method: "POST",
      body: JSON.stringify(options),
    });
  } catch {
    // Left by a registry that was killed.
    return undefined;
  }
  const answer = (await response.json()) as Collected & { error?: string };
  if (!response.ok) throw new Error(answer.error ?? `status ${response.status}`);
  return answer;
}
