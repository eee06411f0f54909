import { SESSION_HEADERS } from "@berth/api/buildkit";
import { invalidParameter } from "@berth/base";
import type { Exchange } from "../../http/exchange.ts";
import type { BuildService } from "../service.ts";
import type { SessionFacts } from "../session/session.ts";

const ID_LIMIT = 256;

/** `POST /session`, upgraded to h2c: the connection's other end answers our calls. */
export async function openSession(exchange: Exchange, { sessions }: BuildService): Promise<void> {
  const { headers } = exchange.request;
  const text = (name: string) => String(headers[name] ?? "");
  const methods = headers[SESSION_HEADERS.method];
  const facts = sessionFacts(
    {
      id: text(SESSION_HEADERS.id),
      name: text(SESSION_HEADERS.name),
      sharedKey: text(SESSION_HEADERS.sharedKey),
      methods: typeof methods === "string" ? methods.split(/,\s*/) : (methods ?? []),
    },
    (id) => sessions.has(id),
  );
  await sessions.serve(facts, exchange.takeConnection("h2c"));
}

/** @throws invalid-parameter. */
export function sessionFacts(facts: SessionFacts, taken: (id: string) => boolean): SessionFacts {
  if (facts.id === "" || facts.id.length > ID_LIMIT) throw invalidParameter("invalid session id");
  if (taken(facts.id)) throw invalidParameter(`session ${facts.id} already exists`);
  return facts;
}
