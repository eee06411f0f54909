import type * as net from "node:net";
import type * as tls from "node:tls";
import { ConnectError } from "../errors.ts";
import type { Connection } from "./connection.ts";
import { ReceiveQueue } from "./receive-queue.ts";
import type { SocketTarget } from "./socket-target.ts";

/** Connects with node:net and node:tls, for programs that run on Node. */
export function dialNodeSocket(target: SocketTarget): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const socket = open(target);
    const failed = (error: Error & { code?: string }) => {
      reject(new ConnectError(target.display, error.code ?? "", error.message, error));
      socket.destroy();
    };
    socket.once("error", failed);
    socket.once(target.tls === undefined ? "connect" : "secureConnect", () => {
      socket.off("error", failed);
      resolve(new NodeConnection(socket));
    });
  });
}

function open(target: SocketTarget): net.Socket {
  // Not imported: a bundle that never gets here would load both.
  const net = process.getBuiltinModule("node:net");
  if (target.kind === "unix") return net.connect({ path: target.path, allowHalfOpen: true });
  const { tls: options } = target;
  if (options === undefined)
    return net.connect({ host: target.host, port: target.port, allowHalfOpen: true });
  return process.getBuiltinModule("node:tls").connect({
    host: target.host,
    port: target.port,
    allowHalfOpen: true,
    rejectUnauthorized: options.verify,
    ...(!net.isIP(target.host) && { servername: target.host }),
    ...(options.ca !== undefined && { ca: options.ca }),
    ...(options.cert !== undefined && { cert: options.cert }),
    ...(options.key !== undefined && { key: options.key }),
  } as tls.ConnectionOptions);
}

class NodeConnection implements Connection {
  readonly #socket: net.Socket;
  readonly #received: ReceiveQueue;

  constructor(socket: net.Socket) {
    this.#socket = socket;
    this.#received = new ReceiveQueue(
      () => socket.pause(),
      () => socket.resume(),
    );
    socket.on("data", (chunk: Uint8Array) => this.#received.push(chunk));
    socket.on("end", () => this.#received.end());
    socket.on("error", (error) => this.#received.end(error));
    socket.on("close", () => this.#received.end());
  }

  get ended(): boolean {
    return this.#received.ended;
  }

  read(): Promise<Uint8Array | undefined> {
    return this.#received.read();
  }

  unread(chunk: Uint8Array): void {
    this.#received.unread(chunk);
  }

  write(chunk: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.write(chunk, (error) => (error ? reject(error) : resolve()));
    });
  }

  closeWrite(): void {
    this.#socket.end();
  }

  destroy(reason?: Error): void {
    this.#received.abort(reason);
    this.#socket.destroy();
  }
}
