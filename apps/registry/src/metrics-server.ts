import { messageOf } from "@berth/base";
import type { Metrics, ObjectStore } from "@berth/registry/server";
import { parseAddress } from "./config/load.ts";
import type { Config } from "./config/options.ts";

/** /metrics and /healthz on an address of their own; undefined when there is no address. */
export function serveMetrics(
  { metricsAddress, metricsEnabled, metricsPath }: Config,
  metrics: Metrics,
  store: ObjectStore,
  failing: () => Readonly<Record<string, string>>,
): Bun.Server<undefined> | undefined {
  if (metricsAddress === "") return undefined;
  return Bun.serve({
    ...parseAddress(metricsAddress),
    development: false,
    async fetch(request) {
      const { pathname } = new URL(request.url);
      if (metricsEnabled && pathname === metricsPath)
        return new Response(metrics.text(), { headers: { "Content-Type": "text/plain; version=0.0.4" } });
      if (pathname === "/healthz" || pathname === "/debug/health") {
        try {
          const failed = failing();
          if (Object.keys(failed).length > 0) return Response.json(failed, { status: 503 });
          await store.check();
          return Response.json({});
        } catch (error) {
          return Response.json({ storage: messageOf(error) }, { status: 503 });
        }
      }
      return new Response("404 page not found\n", { status: 404 });
    },
  });
}
