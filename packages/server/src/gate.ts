import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

export interface RequestHandler {
  /** Never rejects. `upgrade`: the request offers to become a raw stream. */
  handle(
    request: IncomingMessage,
    response: ServerResponse,
    upgrade?: { socket: Socket; head: Buffer },
  ): Promise<void>;
}

/**
 * Stands before the API while the engine starts: the addresses are taken first, so that a daemon that cannot have them touches
 * nothing else; requests that come early wait until `open`.
 */
export class Gate implements RequestHandler {
  readonly #opened = Promise.withResolvers<RequestHandler>();
  #handler: RequestHandler | undefined;

  open(handler: RequestHandler): void {
    this.#handler = handler;
    this.#opened.resolve(handler);
  }

  async handle(...request: Parameters<RequestHandler["handle"]>): Promise<void> {
    const handler = this.#handler ?? (await this.#opened.promise);
    await handler.handle(...request);
  }
}
