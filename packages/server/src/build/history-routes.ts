import type { BuildRecord } from "@berth/api/build";
import { notFound } from "@berth/base";
import { del, get, type Route } from "../http/router.ts";
import type { BuildBackend } from "./backend.ts";

/** What `berth buildx history` asks: builds that run and have run, newest first. */
export function historyRoutes(builder: BuildBackend): Route[] {
  const find = (ref: string): BuildRecord => {
    const found = builder.history().find((record) => record.ref === ref);
    if (found === undefined) throw notFound(`no record found for ${JSON.stringify(ref)}`);
    return found;
  };
  return [
    get("/berth/builds", (exchange) => {
      exchange.json(builder.history().map((record) => ({ ...record, vertices: [] })));
    }),
    get("/berth/builds/{ref}", (exchange) => {
      const record = find(exchange.parameter("ref"));
      exchange.text(
        JSON.stringify(record, (_key, value) => (typeof value === "bigint" ? String(value) : value)),
      );
    }),
    del("/berth/builds/{ref}", (exchange) => {
      builder.removeHistory(find(exchange.parameter("ref")).ref);
      exchange.empty(204);
    }),
  ];
}
