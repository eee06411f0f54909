import type { BuildRequest } from "@berth/api/build";
import { invalidParameter, newId } from "@berth/base";
import type { Exchange } from "../../http/exchange.ts";
import { sendChunks } from "../../http/stream.ts";
import type { BuildService } from "../service.ts";
import { ConfigSteps } from "./config-steps.ts";
import { type ClassicMessage, ClassicMessages, classicFailure, familiarTag } from "./messages.ts";
import { classicContext, classicRequest, tagsOf } from "./options.ts";

const LINE_END = "\r\n";

/** `POST /build` of the classic builder: context in the body or at `remote`, progress as JSON messages. */
export async function classicBuild(exchange: Exchange, service: BuildService): Promise<void> {
  const { query } = exchange;
  const version = query.string("version");
  if (version !== "" && version !== "1") throw invalidParameter(`invalid version ${version}`);
  const ref = newId();
  let unconsumed: readonly string[] = [];
  const request: BuildRequest = {
    ...classicRequest(exchange, classicContext(exchange)),
    ref,
    onPlan(instructions, inVain) {
      printer.plan(instructions);
      unconsumed = inVain;
    },
  };
  const quiet = query.boolean("q");
  const waiting: ClassicMessage[] = [];
  let wake: (() => void) | undefined;
  const send = (message: ClassicMessage) => {
    waiting.push(message);
    wake?.();
  };
  const removes = query.boolean("forcerm") || query.string("rm") === "" || query.boolean("rm");
  const config = new ConfigSteps(service.builder.configurations, request);
  const printer = new ClassicMessages(send, { removes, config });
  const running = service.running.begin(ref);
  let ended = false;
  let started = false;
  const building = service.builder
    .build(request, (event) => printer.event(event), AbortSignal.any([exchange.signal, running.signal]))
    .then((result) => {
      if (quiet) {
        waiting.length = 0;
        if (result.imageId !== undefined) send({ stream: `${result.imageId}\n` });
      } else printer.finish(result, tagsOf(query).map(familiarTag), unconsumed);
    })
    .catch((error) => {
      // Nothing was said yet: the failure is the answer's status.
      if (!started && waiting.length === 0) throw classicFailure(error, request);
      printer.fail(classicFailure(error, request));
    })
    .finally(() => {
      ended = true;
      service.running.end(ref);
      wake?.();
    });
  building.catch(() => {});
  async function* messages(): AsyncGenerator<string> {
    for (;;) {
      if (!ended && (quiet || waiting.length === 0)) {
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        await promise;
        wake = undefined;
        continue;
      }
      if (waiting.length > 0) {
        started = true;
        yield waiting
          .splice(0)
          .map((message) => JSON.stringify(message) + LINE_END)
          .join("");
        continue;
      }
      // Fails when there was no message before.
      return await building;
    }
  }
  await sendChunks(exchange, { "Content-Type": "application/json" }, messages());
}
