import { updateConfigDecoder } from "@berth/api";
import { invalidParameter } from "@berth/base";
import type { Exchange } from "../http/exchange.ts";
import { del, post, type Route } from "../http/router.ts";
import type { ContainerLifecycle, StopOptions } from "./backend.ts";

export const PRUNE_FILTERS = ["label", "label!", "until"] as const;

export function lifecycleRoutes(containers: ContainerLifecycle): Route[] {
  return [
    post("/containers/{name}/start", async (exchange) => {
      await refuseHostConfig(exchange);
      if (exchange.query.string("checkpoint") !== "") {
        throw invalidParameter("checkpoint is only supported in experimental mode");
      }
      const detachKeys = exchange.query.optionalString("detachKeys");
      await containers.start(exchange.parameter("name"), detachKeys === undefined ? {} : { detachKeys });
      exchange.empty(204);
    }),

    post("/containers/{name}/stop", async (exchange) => {
      await containers.stop(exchange.parameter("name"), stopOptions(exchange));
      exchange.empty(204);
    }),

    post("/containers/{name}/restart", async (exchange) => {
      await containers.restart(exchange.parameter("name"), stopOptions(exchange));
      exchange.empty(204);
    }),

    post("/containers/{name}/kill", async (exchange) => {
      await containers.kill(exchange.parameter("name"), exchange.query.string("signal"));
      exchange.empty(204);
    }),

    post("/containers/{name}/pause", async (exchange) => {
      await containers.pause(exchange.parameter("name"));
      exchange.empty(204);
    }),

    post("/containers/{name}/unpause", async (exchange) => {
      await containers.unpause(exchange.parameter("name"));
      exchange.empty(204);
    }),

    post("/containers/{name}/rename", async (exchange) => {
      await containers.rename(exchange.parameter("name"), exchange.query.string("name"));
      exchange.empty(204);
    }),

    post("/containers/{name}/resize", async (exchange) => {
      const { query } = exchange;
      const rows = query.requiredInteger("h");
      await containers.resize(exchange.parameter("name"), rows, query.requiredInteger("w"));
      exchange.empty(200);
    }),

    post("/containers/{name}/update", async (exchange) => {
      const update = await exchange.readJson(updateConfigDecoder);
      if (exchange.version >= 42) delete update.KernelMemory;
      // 0 and every negative number mean: no limit.
      if (update.PidsLimit !== null && update.PidsLimit <= 0) update.PidsLimit = -1;
      exchange.json(await containers.update(exchange.parameter("name"), update));
    }),

    post("/containers/prune", async (exchange) => {
      exchange.json(await containers.prune(exchange.query.filters(PRUNE_FILTERS), exchange.signal));
    }),

    del("/containers/{name}", async (exchange) => {
      const { query } = exchange;
      await containers.remove(exchange.parameter("name"), {
        volumes: query.boolean("v"),
        force: query.boolean("force"),
        link: query.boolean("link"),
      });
      exchange.empty(204);
    }),
  ];
}

function stopOptions(exchange: Exchange): StopOptions {
  const { query, version } = exchange;
  const options: StopOptions = {};
  // Stop and restart take a signal since API 1.42.
  const signal = version >= 42 ? query.optionalString("signal") : undefined;
  if (signal !== undefined) options.signal = signal;
  if (query.string("t") !== "") options.timeout = query.requiredInteger("t");
  return options;
}

/** A start may carry an empty body or `{}`; host configuration is given at creation. */
async function refuseHostConfig(exchange: Exchange): Promise<void> {
  const length = Number(exchange.request.headers["content-length"] ?? 0);
  if (length > 7) {
    throw invalidParameter(
      "starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24",
    );
  }
}
