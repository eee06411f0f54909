import type { EventMessage } from "@berth/api";
import type { Client } from "../../client.ts";
import { jsonTexts } from "../../http/json-lines.ts";
import { encodeFilters, type FilterValues } from "../filters.ts";

export interface SystemEventsOptions {
  /** Unix seconds, with a fraction of nanoseconds if wanted. */
  since?: string;
  until?: string;
  filters?: FilterValues;
  signal?: AbortSignal;
}

/** GET /events. Subscribed when the promise resolves. `timeNano` keeps all its digits. */
export async function systemEvents(
  client: Client,
  options: SystemEventsOptions = {},
): Promise<AsyncGenerator<EventMessage, void, undefined>> {
  const response = await client.request({
    method: "GET",
    path: "/events",
    query: {
      ...encodeFilters(options.filters),
      ...(options.since && { since: options.since }),
      ...(options.until && { until: options.until }),
    },
    signal: options.signal,
  });
  return decode(jsonTexts(response));
}

async function* decode(texts: AsyncIterable<string>): AsyncGenerator<EventMessage, void, undefined> {
  for await (const text of texts) {
    const message = JSON.parse(text) as Omit<EventMessage, "timeNano">;
    // Beyond 2^53, so the digits are taken from the text.
    const digits = /"timeNano":\s*(\d{1,20})/.exec(
      text.slice(Math.max(0, text.lastIndexOf('"timeNano"'))),
    )?.[1];
    const timeNano = digits === undefined ? BigInt(message.time ?? 0) * 1_000_000_000n : BigInt(digits);
    yield { ...message, timeNano };
  }
}
