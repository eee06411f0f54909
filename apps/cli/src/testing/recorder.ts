/**
 * A daemon that does nothing but write down what it is asked, for tests that compare requests. Answers are the least
 * that a client needs to go on.
 */
import { createServer, type Socket } from "node:net";

export interface RecordedRequest {
  method: string;
  /** Without version. */
  path: string;
  query: Record<string, string[]>;
  body?: unknown;
}

export interface Recorder extends AsyncDisposable {
  requests: RecordedRequest[];
}

/** What GETs answer, by the end of the path. `strict`: any other GET of one thing is answered with 404. */
export type Answers = Readonly<Record<string, unknown>>;

const ID = "0123456789abcdef".repeat(4);

/** Listens on a unix socket. `apiVersion`: what it claims to speak. */
export async function startRecorder(
  path: string,
  apiVersion: string,
  answers: Answers = {},
): Promise<Recorder> {
  const requests: RecordedRequest[] = [];
  const sockets = new Set<Socket>();
  const respond = (socket: Socket, { entry, upgrade }: Message): void => {
    if (entry.path !== "/_ping") requests.push(entry);
    if (upgrade) {
      socket.end(
        "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
      );
      return;
    }
    const [status, value] = answer(entry, answers);
    const body = value === undefined || entry.method === "HEAD" ? "" : `${JSON.stringify(value)}\n`;
    socket.write(
      `HTTP/1.1 ${status} X\r\nApi-Version: ${apiVersion}\r\nContent-Type: ${typeOf(entry.path)}\r\nDocker-Experimental: false\r\n` +
        `Ostype: linux\r\nServer: Docker/28.2.2 (linux)\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  };
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    let received = Buffer.alloc(0);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    socket.on("end", () => socket.end());
    socket.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      for (let message = takeRequest(received); message !== undefined; message = takeRequest(received)) {
        received = received.subarray(message.length);
        respond(socket, message);
        if (message.upgrade) return;
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    requests,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

interface Message {
  entry: RecordedRequest;
  upgrade: boolean;
  /** Bytes that it took. */
  length: number;
}

/** The first request of what came; undefined when it is not whole. */
function takeRequest(bytes: Buffer): Message | undefined {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [line = "", ...fields] = bytes.subarray(0, end).toString().split("\r\n");
  const headers = new Map(
    fields.map((field) => [
      field.slice(0, field.indexOf(":")).toLowerCase(),
      field.slice(field.indexOf(":") + 1).trim(),
    ]),
  );
  const body = takeBody(bytes.subarray(end + 4), headers);
  if (body === undefined) return undefined;
  const [method = "", target = "/"] = line.split(" ");
  const url = new URL(target, "http://x");
  const query: Record<string, string[]> = {};
  for (const [key, value] of url.searchParams) query[key] = [...(query[key] ?? []), value];
  const entry: RecordedRequest = { method, path: decodeURI(url.pathname).replace(/^\/v\d+\.\d+/, ""), query };
  if (body.text !== "") entry.body = decode(body.text);
  return { entry, upgrade: headers.get("upgrade") === "tcp", length: end + 4 + body.length };
}

function typeOf(path: string): string {
  return path.endsWith("/logs") ? "application/vnd.docker.multiplexed-stream" : "application/json";
}

function decode(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function takeBody(
  bytes: Buffer,
  headers: ReadonlyMap<string, string>,
): { text: string; length: number } | undefined {
  if (headers.get("transfer-encoding") !== "chunked") {
    const length = Number(headers.get("content-length") ?? 0);
    return bytes.length < length ? undefined : { text: bytes.subarray(0, length).toString(), length };
  }
  let text = "";
  for (let at = 0; ; ) {
    const end = bytes.indexOf("\r\n", at);
    if (end < 0) return undefined;
    const size = Number.parseInt(bytes.subarray(at, end).toString(), 16);
    if (bytes.length < end + 2 + size + 2) return undefined;
    if (size === 0) return { text, length: end + 4 };
    text += bytes.subarray(end + 2, end + 2 + size).toString("latin1");
    at = end + 2 + size + 2;
  }
}

function answer({ method, path }: RecordedRequest, answers: Answers): [status: number, body: unknown] {
  for (const [end, body] of Object.entries(answers)) if (path.endsWith(end)) return [200, body];
  if (
    answers.strict &&
    method === "GET" &&
    /^\/(containers|images|networks|volumes|services|nodes|tasks|secrets|plugins|configs)\/./.test(path)
  ) {
    return [404, { message: `No such thing: ${path.split("/")[2]}` }];
  }
  if (path === "/_ping") return [200, "OK"];
  if (path === "/containers/create") return [201, { Id: ID, Warnings: [] }];
  if (path.endsWith("/exec")) return [201, { Id: ID }];
  if (path.endsWith("/wait")) return [200, { StatusCode: 0 }];
  if (path.endsWith("/update")) return [200, { Warnings: null }];
  if (path === "/commit") return [201, { Id: `sha256:${ID}` }];
  if (/^\/exec\/[^/]+\/json$/.test(path)) return [200, { ID, Running: false, ExitCode: 0, Pid: 1 }];
  if (/^\/containers\/[^/]+\/json$/.test(path)) return [200, CONTAINER];
  if (path === "/networks/create") return [201, { Id: ID, Warning: "" }];
  if (path === "/volumes/create") return [201, { Name: "v" }];
  if (path === "/containers/json" || path === "/images/json" || path === "/networks") return [200, []];
  if (path === "/volumes") return [200, { Volumes: [], Warnings: null }];
  if (path.endsWith("/prune")) return [200, { SpaceReclaimed: 0 }];
  if (path.endsWith("/logs")) return [200, undefined];
  if (method === "DELETE" && path.startsWith("/images/")) return [200, []];
  if (method === "POST" && path.startsWith("/images/")) return [path.endsWith("/tag") ? 201 : 200, {}];
  if (path.endsWith("/top")) return [200, { Titles: ["PID"], Processes: [["1"]] }];
  if (path.endsWith("/changes")) return [200, []];
  if (method === "GET") return [200, {}];
  return [204, undefined];
}

const CONTAINER = {
  Id: ID,
  Name: "/c",
  Config: { Tty: false, OpenStdin: false, AttachStdin: false, Image: "i" },
  State: { Running: true, Status: "running", Pid: 1 },
  HostConfig: {},
  NetworkSettings: { Ports: {}, Networks: {} },
};
