import { notFound, notImplemented, unavailable } from "@berth/base";
import { del, get, type Handler, type Method, post, put, type Route } from "../http/router.ts";

const notYet =
  (what: string): Handler =>
  () => {
    throw notImplemented(`${what} is not supported by this daemon yet`);
  };

/** What a request for the cluster is answered. */
export function noSwarm(): Error {
  return unavailable(
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" ' +
      "to connect this node to swarm and try again.",
  );
}

const noManager: Handler = () => {
  throw noSwarm();
};

const experimental: Handler = () => {
  throw notImplemented(
    "This experimental feature is disabled by default. Start the Docker daemon in experimental mode in order to enable it.",
  );
};

/** To be found before the containers' own: a container's name may hold slashes. */
export function checkpointRoutes(): Route[] {
  return [
    get("/containers/{name}/checkpoints", experimental),
    post("/containers/{name}/checkpoints", experimental),
    del("/containers/{name}/checkpoints/{checkpoint}", experimental),
  ];
}

/**
 * What Docker's API has and this daemon does not: said clearly, never as "page not found". Where emptiness is the
 * true answer (no plugins, no build cache), it is given, because `docker system prune` and `plugin ls` ask.
 */
export function absentRoutes(): Route[] {
  const swarm = (method: Method, pattern: string): Route => ({ method, pattern, handler: noManager });
  return [
    post("/build", notYet("building images")),
    post("/build/cancel", notYet("building images")),
    post("/session", notYet("a BuildKit session")),
    post("/grpc", notYet("BuildKit's gRPC interface")),
    post("/build/prune", (exchange) => exchange.json({ CachesDeleted: null, SpaceReclaimed: 0 })),

    put("/volumes/{name}", () => {
      throw unavailable("volume update only valid for cluster volumes, but swarm is unavailable");
    }),

    get("/plugins", (exchange) => exchange.json([])),
    get("/plugins/{name}/json", (exchange) => {
      throw notFound(`plugin ${JSON.stringify(exchange.parameter("name"))} not found`);
    }),
    get("/plugins/privileges", notYet("installing plugins")),
    post("/plugins/{name}", notYet("managing plugins")),
    del("/plugins/{name}", (exchange) => {
      throw notFound(`plugin ${JSON.stringify(exchange.parameter("name"))} not found`);
    }),

    post("/swarm/init", notYet("swarm mode")),
    post("/swarm/join", notYet("swarm mode")),
    ...["/swarm", "/swarm/unlockkey", "/services", "/nodes", "/tasks", "/secrets", "/configs"].map((path) =>
      swarm("GET", path),
    ),
    ...["services", "nodes", "tasks", "secrets", "configs"].flatMap((kind) => [
      swarm("GET", `/${kind}/{id}`),
      swarm("POST", `/${kind}/{id}`),
      swarm("DELETE", `/${kind}/{id}`),
    ]),
    post("/swarm/{action}", noManager),
  ];
}
