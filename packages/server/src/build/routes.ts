import { invalidParameter, notFound } from "@berth/base";
import type { Exchange } from "../http/exchange.ts";
import { post, type Route } from "../http/router.ts";
import type { BuildBackend } from "./backend.ts";
import { classicBuild } from "./classic/build.ts";
import { historyRoutes } from "./history-routes.ts";
import { nativeBuild } from "./native.ts";
import { type BuildService, buildService } from "./service.ts";

const PRUNE_FILTERS = [
  "description",
  "id",
  "inuse",
  "parents",
  "private",
  "shared",
  "type",
  "unused-for",
  "until",
] as const;

export function buildRoutes(builder: BuildBackend): Route[] {
  const service = buildService(builder);
  return [
    post("/build", async (exchange) => {
      if (exchange.query.string("version") !== "2") return classicBuild(exchange, service);
      const { buildKitOverApi } = await import("./buildkit/over-api.ts");
      return buildKitOverApi(exchange, service);
    }),
    post("/build/prune", (exchange) => prune(exchange, service)),
    post("/build/cancel", (exchange) => {
      const id = exchange.query.string("id");
      if (id === "") throw invalidParameter("build ID not provided");
      const running = service.running.get(id);
      if (running === undefined) throw notFound(`no such build: ${id}`);
      running.cancel();
      exchange.empty(200);
    }),
    // HTTP/2 and gRPC are loaded by the first client that speaks them.
    post("/session", async (exchange) => {
      const { openSession } = await import("./buildkit/session-route.ts");
      return openSession(exchange, service);
    }),
    post("/grpc", async (exchange) => {
      const [{ openGrpc }, { controlServices }] = await Promise.all([
        import("./buildkit/grpc-route.ts"),
        import("./buildkit/control-service.ts"),
      ]);
      return openGrpc(exchange, controlServices(service));
    }),
    post("/berth/build", (exchange) => nativeBuild(exchange, service)),
    ...historyRoutes(builder),
  ];
}

async function prune(exchange: Exchange, { builder }: BuildService): Promise<void> {
  const { query, signal } = exchange;
  let filters = query.filters(PRUNE_FILTERS);
  const unused = filters.get("unused-for");
  if (unused.length > 0) filters = filters.with("until", unused[0] as string);
  const bytes = (name: string) => {
    const value = query.integer(name, 0);
    return value > 0 ? value : undefined;
  };
  const keepStorage = bytes("keep-storage") ?? bytes("reserved-space");
  const maxUsedSpace = bytes("max-used-space");
  const minFreeSpace = bytes("min-free-space");
  const report = await builder.prune(
    {
      all: query.boolean("all"),
      filters,
      ...(keepStorage !== undefined && { keepStorage }),
      ...(maxUsedSpace !== undefined && { maxUsedSpace }),
      ...(minFreeSpace !== undefined && { minFreeSpace }),
    },
    signal,
  );
  exchange.json({
    CachesDeleted: report.ids.length > 0 ? report.ids : null,
    SpaceReclaimed: report.spaceReclaimed,
  });
}
