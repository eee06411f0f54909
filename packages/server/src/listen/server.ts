import { createServer, type IncomingMessage, type Server, ServerResponse } from "node:http";
import { createServer as createSocketServer, type Socket, type Server as SocketServer } from "node:net";
import { log, messageOf, systemError } from "@berth/base";
import type { RequestHandler } from "../gate.ts";
import { describeEndpoint, type Endpoint } from "./endpoint.ts";
import { systemdDescriptors } from "./systemd.ts";
import type { TlsConfig } from "./tls.ts";
import { listenUnix } from "./unix-socket.ts";

const HEADER_LIMIT = 1 << 20;
const HEADER_DEADLINE_MS = 60_000;

/** Connections that a server no longer counts as its own. */
const UPGRADED = new WeakMap<Server, Set<Socket>>();

export interface ListenOptions {
  endpoint: Endpoint;
  /** For TCP and passed TCP sockets. */
  tls?: TlsConfig;
  /** Group of the unix socket. */
  groupId: number;
}

/** Something that listens. */
export interface Listening {
  /** Where, as the log tells it; for port 0 with the port that was taken. */
  address: string;
  /** No more connections; those that are there go on. */
  stopAccepting(): void;
  /** Cuts all connections too. */
  close(): Promise<void>;
}

/** @throws BerthError when the address cannot be had. */
export async function listen(handler: RequestHandler, options: ListenOptions): Promise<Listening[]> {
  const { endpoint } = options;
  switch (endpoint.kind) {
    case "unix": {
      const server = await httpServer(handler, undefined);
      await listenUnix(server, endpoint.path, options.groupId);
      return [listening(endpoint.path, server, server)];
    }
    case "tcp": {
      const server = await httpServer(handler, options.tls);
      await listenTcp(server, endpoint.host, endpoint.port);
      const bound = server.address();
      const port = typeof bound === "object" && bound !== null ? bound.port : endpoint.port;
      return [listening(describeEndpoint({ ...endpoint, port }), server, server)];
    }
    case "fd":
      return Promise.all(systemdDescriptors(endpoint.name).map((fd) => listenPassed(handler, fd)));
  }
}

async function httpServer(handler: RequestHandler, tls: TlsConfig | undefined): Promise<Server> {
  // allowHalfOpen: a client that has no more input still reads the container's output.
  const common = { allowHalfOpen: true, maxHeaderSize: HEADER_LIMIT, keepAliveTimeout: 0 };
  const server = tls === undefined ? createServer(common) : await tlsServer(common, tls);
  server.requestTimeout = 0;
  server.headersTimeout = HEADER_DEADLINE_MS;
  server.timeout = 0;
  server.on("request", (request, response) => void handler.handle(request, response));
  const upgraded = new Set<Socket>();
  UPGRADED.set(server, upgraded);
  server.on("upgrade", (request, socket: Socket, head) => {
    upgraded.add(socket);
    socket.once("close", () => upgraded.delete(socket));
    onUpgrade(handler, request, socket, head);
  });
  server.on("clientError", (_error, socket) => {
    if (!socket.writable) return;
    socket.end(
      "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request",
    );
  });
  return server;
}

/** TLS is loaded only by daemons that use it: they pay for its memory and start. */
async function tlsServer(common: object, tls: TlsConfig): Promise<Server> {
  const [{ createServer }, { tlsServerOptions }] = await Promise.all([
    import("node:https"),
    import("./tls.ts"),
  ]);
  return createServer({ ...common, ...tlsServerOptions(tls) }) as unknown as Server;
}

/** Routes that do not take the connection answer a request with an `Upgrade` header as any other, and close. */
function onUpgrade(handler: RequestHandler, request: IncomingMessage, socket: Socket, head: Buffer): void {
  socket.on("error", () => socket.destroy());
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.on("finish", () => socket.end());
  void handler.handle(request, response, { socket, head });
}

async function listenTcp(server: Server, host: string, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", (error) =>
    reject(systemError(`listen tcp ${host}:${port}: ${error.message}`, { cause: error })),
  );
  server.listen(port, host, resolve);
  await promise;
}

/** A socket that systemd bound: accepted here, served by an HTTP server that does not listen itself. */
async function listenPassed(handler: RequestHandler, descriptor: number): Promise<Listening> {
  const http = await httpServer(handler, undefined);
  const acceptor = createSocketServer({ allowHalfOpen: true }, (socket) => {
    connections.add(socket);
    socket.once("close", () => connections.delete(socket));
    http.emit("connection", socket);
  });
  const connections = UPGRADED.get(http) as Set<Socket>;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  acceptor.once("error", (error) =>
    reject(systemError(`listen fd://${descriptor}: ${error.message}`, { cause: error })),
  );
  acceptor.listen({ fd: descriptor }, resolve);
  await promise;
  return listening(`fd://${descriptor}`, acceptor, http);
}

/** `acceptor`: what listens; `http`: what serves the connections. Often the same. */
function listening(address: string, acceptor: Server | SocketServer, http: Server): Listening {
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  let stopped = false;
  const stopAccepting = () => {
    if (stopped) return;
    stopped = true;
    acceptor.close((error) => {
      if (error !== undefined) log.debug("closing a listener", { error: messageOf(error) });
      resolve();
    });
  };
  return {
    address,
    stopAccepting,
    async close() {
      stopAccepting();
      http.closeAllConnections();
      for (const socket of UPGRADED.get(http) ?? []) socket.destroy();
      await ended;
    },
  };
}
