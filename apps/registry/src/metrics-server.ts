import { messageOf } from "@berth/base";
import type { Metrics, ObjectStore } from "@berth/registry/server";
import { parseAddress } from "./config/load.ts";

/** /metrics and /healthz on an address of their own; undefined when there is no address. */
export function serveMetrics(
  address: string,
  metrics: Metrics,
  store: ObjectStore,
): Bun.Server<undefined> | undefined {
  if (address === "") return undefined;
  return Bun.serve({
    ...parseAddress(address),
    development: false,
    async fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname === "/metrics")
        return new Response(metrics.text(), { headers: { "Content-Type": "text/plain; version=0.0.4" } });
      if (pathname === "/healthz" || pathname === "/debug/health") {
        try {
          await store.check();
          return new Response("{}");
        } catch (error) {
          return Response.json({ storage: messageOf(error) }, { status: 503 });
        }
      }
      return new Response("404 page not found\n", { status: 404 });
    },
  });
}
