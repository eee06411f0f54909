import { goJsonSyntaxError } from "@berth/api/go-json";
import { systemError } from "@berth/base";
import { DEFAULT_DOMAIN, JsonReader, parseReference } from "@berth/spec";
import type { SearchResult } from "../client.ts";
import { drop, type EndpointClient, readAll } from "../http/endpoint-client.ts";

const MAX_ANSWER = 4 << 20;
const MOST_RESULTS = 1000;

/** The index that a term is to be looked up in, and what is looked up there. */
export function splitTerm(term: string): { domain: string; rest: string } {
  const slash = term.indexOf("/");
  const first = slash < 0 ? "" : term.slice(0, slash);
  const named = /[.:]/.test(first) || first === "localhost";
  const domain = named ? first : DEFAULT_DOMAIN;
  const rest = named ? term.slice(slash + 1) : term;
  if (named) parseReference(`${domain}/x`);
  return { domain, rest: domain === DEFAULT_DOMAIN ? rest.replace(/^library\//, "") : rest };
}

export async function search(
  client: EndpointClient,
  term: string,
  limit: number,
  signal: AbortSignal,
): Promise<SearchResult[]> {
  const response = await client.send({
    method: "GET",
    target: `/search?q=${encodeURIComponent(term)}&n=${limit}`,
    headers: { "X-Docker-Token": "true" },
    scopes: [],
    signal,
  });
  if (response.status !== 200) {
    await drop(response);
    throw systemError(`Unexpected status code ${response.status}`);
  }
  const bytes = await readAll(response, MAX_ANSWER);
  let json: JsonReader;
  try {
    json = JsonReader.parse(bytes, "search results", MAX_ANSWER);
  } catch (error) {
    const why = goJsonSyntaxError(new TextDecoder().decode(bytes));
    throw systemError(`error decoding registry search results: ${why}`, { cause: error });
  }
  return json
    .get("results")
    .list(MOST_RESULTS)
    .slice(0, limit)
    .map((each) => ({
      name: each.get("name").text(),
      description: each.get("description").optionalText() ?? "",
      starCount: each.get("star_count").optionalInteger() ?? 0,
      isOfficial: each.get("is_official").optionalBoolean() ?? false,
      isAutomated: each.get("is_automated").optionalBoolean() ?? false,
    }));
}
