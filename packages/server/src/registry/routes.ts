import { decodeRegistryAuth, registryAuthDecoder, registryAuthOf } from "@berth/api";
import { invalidParameter } from "@berth/base";
import type { Exchange } from "../http/exchange.ts";
import { get, post, type Route } from "../http/router.ts";
import type { RegistryBackend } from "./backend.ts";

const SEARCH_FILTERS = ["is-automated", "is-official", "stars"] as const;
const MOST_RESULTS = 100;
const USUAL_RESULTS = 25;

export function registryRoutes(registry: RegistryBackend): Route[] {
  return [
    post("/auth", async (exchange) => {
      const auth = registryAuthOf(await exchange.readJson(registryAuthDecoder));
      const token = await registry.login(auth, exchange.signal);
      exchange.json({ IdentityToken: token, Status: "Login Succeeded" });
    }),

    get("/images/search", async (exchange) => {
      const { query } = exchange;
      const given = query.string("limit");
      const limit = given === "" || given === "0" ? USUAL_RESULTS : Number(given);
      if (!Number.isSafeInteger(limit))
        throw invalidParameter(`strconv.Atoi: parsing ${JSON.stringify(given)}: invalid syntax`);
      if (limit < 1 || limit > MOST_RESULTS)
        throw invalidParameter(`Limit ${limit} is outside the range of [1, ${MOST_RESULTS}]`);
      const filters = query.filters(SEARCH_FILTERS);
      const options = { limit, filters, auth: authOf(exchange) };
      exchange.json(await registry.search(query.string("term"), options, exchange.signal));
    }),

    get("/distribution/{name}/json", async (exchange) => {
      const name = exchange.parameter("name");
      exchange.json(await registry.distribution(name, authOf(exchange), exchange.signal));
    }),
  ];
}

/** `X-Registry-Auth` of a request. */
export function authOf({ request }: Exchange): ReturnType<typeof decodeRegistryAuth> {
  const header = request.headers["x-registry-auth"];
  return decodeRegistryAuth(typeof header === "string" ? header : undefined);
}
