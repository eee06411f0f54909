import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { ByteDuplex } from "../streams.ts";
import { hasBody } from "./body.ts";

/** After the last byte to the client: how long its own end is awaited before the connection is cut. */
const LINGER_MS = 10_000;

/** A client's connection after the HTTP part. */
export interface HijackedStream extends ByteDuplex {
  /** The connection is gone, whoever ended it. */
  onClose(listener: () => void): void;
}

/** `101 UPGRADED`, then the socket belongs to the stream. `head`: what came after the request's end. */
export function upgradeHijack(
  socket: Socket,
  head: Buffer,
  contentType: string,
  protocol: string,
  headers: Readonly<Record<string, string>> = {},
): HijackedStream {
  const further = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(
    `HTTP/1.1 101 UPGRADED\r\nContent-Type: ${contentType}\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n${further.join("")}\r\n`,
  );
  return new SocketDuplex(socket, head);
}

/** The answer to a WebSocket handshake, then bytes; `accept`: `Sec-WebSocket-Accept`. */
export function webSocketHijack(socket: Socket, head: Buffer, accept: string): HijackedStream {
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  return new SocketDuplex(socket, head);
}

/**
 * For clients that did not ask for an upgrade: `200 OK` without a length, then raw bytes until the connection closes.
 * What the request's body holds is the input; without a body there is none.
 */
export function plainHijack(
  request: IncomingMessage,
  response: ServerResponse,
  contentType: string,
): HijackedStream {
  const socket = response.socket as Socket;
  socket.write(`HTTP/1.1 200 OK\r\nContent-Type: ${contentType}\r\n\r\n`);
  return new SocketDuplex(socket, Buffer.alloc(0), request, hasBody(request));
}

class SocketDuplex implements HijackedStream {
  readonly #socket: Socket;
  readonly #head: Buffer;
  /** Where input comes from: the socket, or the body of a request that was not upgraded. */
  readonly #input: Socket | IncomingMessage;
  readonly #hasInput: boolean;
  #discarding = false;

  constructor(socket: Socket, head: Buffer, input: Socket | IncomingMessage = socket, hasInput = true) {
    this.#socket = socket;
    this.#head = head;
    this.#input = input;
    this.#hasInput = hasInput;
    // Errors of a vanished client are followed by "close", which is where they are handled.
    socket.on("error", () => socket.destroy());
    socket.setTimeout?.(0);
    socket.setNoDelay?.(true);
  }

  onData(listener: (chunk: Uint8Array) => void): void {
    if (this.#head.length > 0) listener(this.#head);
    this.#input.on("data", (chunk: Buffer) => {
      if (!this.#discarding) listener(chunk);
    });
  }

  onEnd(listener: () => void): void {
    if (!this.#hasInput) return;
    // A client without any input ends it at once, maybe before anybody asks.
    if (this.#input.readableEnded) listener();
    else this.#input.on("end", listener);
  }

  onClose(listener: () => void): void {
    if (this.#socket.destroyed) listener();
    else this.#socket.once("close", listener);
  }

  write(chunk: Uint8Array): boolean {
    if (this.#socket.destroyed || this.#socket.writableEnded) return true;
    return this.#socket.write(chunk);
  }

  onDrain(listener: () => void): void {
    this.#socket.on("drain", listener);
  }

  pause(): void {
    if (!this.#discarding) this.#input.pause();
  }

  resume(): void {
    this.#input.resume();
  }

  /**
   * No more output. Input that still comes is thrown away until the client closes too: closing a socket that has
   * unread data would make the kernel drop what the client has not read yet.
   */
  end(): void {
    if (this.#socket.destroyed) return;
    this.#discarding = true;
    this.#input.resume();
    const timer = setTimeout(() => this.#socket.destroy(), LINGER_MS);
    this.#socket.once("close", () => clearTimeout(timer));
    const closeWhenFlushed = () => {
      if (this.#socket.writableFinished) this.#socket.destroy();
      else this.#socket.once("finish", () => this.#socket.destroy());
    };
    this.#socket.end();
    if (!this.#hasInput || this.#input.readableEnded) closeWhenFlushed();
    else this.#input.once("end", closeWhenFlushed);
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
