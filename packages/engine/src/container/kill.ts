import { BerthError, isKind, messageOf } from "@berth/base";
import type { EngineContext } from "../context.ts";
import type { Container } from "./container.ts";
import { sendSignal } from "./send-signal.ts";
import { parseSignal, SIGKILL } from "./signals.ts";
import { killUntilGone } from "./stop-running.ts";

/** `signal` as the client wrote it; empty: SIGKILL, waited for. @throws not-found, invalid-parameter, conflict. */
export async function killContainer(engine: EngineContext, reference: string, signal: string): Promise<void> {
  const bare = reference.startsWith("/") ? reference.slice(1) : reference;
  const failure = (kind: BerthError["kind"], text: string) =>
    new BerthError(kind, `Cannot kill container: ${bare}: ${text}`);
  if (/^\d+$/.test(signal) && Number(signal) > 64) {
    throw failure("invalid-parameter", `The linux daemon does not support signal ${signal}`);
  }
  const number = signal === "" ? SIGKILL : parseSignal(signal);
  let container: Container;
  try {
    container = engine.containers.get(reference);
  } catch (error) {
    throw error instanceof BerthError ? failure(error.kind, error.message) : error;
  }
  if (!container.state.running) throw failure("conflict", `Container ${container.id} is not running`);
  try {
    if (number === SIGKILL) await killUntilGone(engine, container);
    else await sendSignal(engine, container, number, { stop: false });
  } catch (error) {
    throw failure(isKind(error, "conflict") ? "conflict" : "system", messageOf(error));
  }
}
