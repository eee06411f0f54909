import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  ApiError,
  Client,
  ConnectError,
  containerAttach,
  containerCreate,
  containerList,
  containerPutArchive,
  containerRemove,
  containerWait,
  execStart,
} from "./index.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "berth-client-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Daemon extends AsyncDisposable {
  host: string;
  requests: string[];
  connections(): number;
}

let serial = 0;
async function daemon(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
  upgrade?: (request: IncomingMessage, socket: Socket) => void,
): Promise<Daemon> {
  const requests: string[] = [];
  let connections = 0;
  const server: Server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    handle(request, response);
  });
  server.on("connection", () => connections++);
  if (upgrade !== undefined) server.on("upgrade", upgrade);
  const path = join(folder, `${++serial}.sock`);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    host: `unix://${path}`,
    requests,
    connections: () => connections,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function json(response: ServerResponse, status: number, value: unknown) {
  response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(value));
}

describe("client", () => {
  test("reuses one connection and asks nothing before the first request", async () => {
    await using server = await daemon((_request, response) => json(response, 200, []));
    const client = new Client({ host: server.host });
    expect(await containerList(client, { all: true, filters: { name: ["b", "a"] } })).toEqual([]);
    expect(await containerList(client, { limit: 3 })).toEqual([]);
    client.close();
    expect(server.requests).toEqual([
      `GET /v1.51/containers/json?all=1&filters=${encodeURIComponent('{"name":{"a":true,"b":true}}')}`,
      "GET /v1.51/containers/json?limit=3",
    ]);
    expect(server.connections()).toBe(1);
  });

  test("learns an older daemon's version from its refusal", async () => {
    await using server = await daemon((request, response) => {
      if (request.url!.startsWith("/v1.51/")) {
        json(response, 400, {
          message: "client version 1.51 is too new. Maximum supported API version is 1.45",
        });
      } else json(response, 200, { Id: "x", Warnings: [] });
    });
    const client = new Client({ host: server.host });
    const versions: string[] = [];
    await containerCreate(client, (version) => {
      versions.push(version);
      return {};
    });
    await containerRemove(client, "x");
    client.close();
    expect(client.apiVersion).toBe("1.45");
    expect(versions).toEqual(["1.51", "1.45"]);
    expect(server.requests).toEqual([
      "POST /v1.51/containers/create",
      "POST /v1.45/containers/create",
      "DELETE /v1.45/containers/x",
    ]);
  });

  test("requests sent side by side all learn an older daemon's version", async () => {
    await using server = await daemon((request, response) => {
      if (request.url!.startsWith("/v1.51/")) {
        json(response, 400, {
          message: "client version 1.51 is too new. Maximum supported API version is 1.30",
        });
      } else response.writeHead(204).end();
    });
    const client = new Client({ host: server.host });
    await Promise.all(["a", "b", "c"].map((name) => containerRemove(client, name)));
    client.close();
    expect(server.requests.filter((request) => request.startsWith("DELETE /v1.30/"))).toHaveLength(3);
  });

  test("keeps to a fixed version", async () => {
    await using server = await daemon((_request, response) =>
      json(response, 400, {
        message: "client version 1.51 is too new. Maximum supported API version is 1.45",
      }),
    );
    const client = new Client({ host: server.host, apiVersion: "v1.51" });
    await expect(containerList(client)).rejects.toThrow("client version 1.51 is too new");
    client.close();
  });

  test("gives the daemon's sentence and status as an error", async () => {
    await using server = await daemon((request, response) => {
      if (request.url!.endsWith("/json")) json(response, 404, { message: "No such container: x\n" });
      else response.writeHead(502).end("upstream <gone>");
    });
    const client = new Client({ host: server.host });
    const missing = await containerList(client).catch((error: unknown) => error);
    expect(missing).toBeInstanceOf(ApiError);
    expect(missing).toMatchObject({ status: 404, kind: "not-found", message: "No such container: x" });
    const plain = await containerRemove(client, "x").catch((error: unknown) => error);
    expect(plain).toMatchObject({ status: 502, kind: "system", message: "upstream <gone>" });
    client.close();
  });

  test("escapes names", async () => {
    await using server = await daemon((_request, response) => response.writeHead(204).end());
    const client = new Client({ host: server.host });
    await containerRemove(client, "../x?a=b/c", { force: true });
    client.close();
    expect(server.requests).toEqual(["DELETE /v1.51/containers/..%2Fx%3Fa%3Db%2Fc?force=1"]);
  });

  test("says what is wrong when nobody listens", async () => {
    const client = new Client({ host: `unix://${folder}/none.sock` });
    const failure = await containerList(client).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ConnectError);
    expect(failure).toMatchObject({ code: "ENOENT", kind: "unavailable" });
  });

  test("an abort ends a waiting request", async () => {
    let arrived!: () => void;
    const waiting = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    await using server = await daemon(() => arrived());
    const client = new Client({ host: server.host });
    const abort = new AbortController();
    const listing = containerList(client, { signal: abort.signal });
    listing.catch(() => {});
    await waiting;
    abort.abort(new Error("enough"));
    await expect(listing).rejects.toThrow("enough");
  });

  test("a refusal in the middle of an upload is reported, not the broken pipe", async () => {
    await using server = await daemon((request, response) => {
      if (request.method === "HEAD") return void response.writeHead(200, { "Api-Version": "1.51" }).end();
      request.once("data", () => json(response, 404, { message: "No such container: c" }));
    });
    const client = new Client({ host: server.host });
    let stop = false;
    async function* endless() {
      while (!stop) yield new Uint8Array(65536);
    }
    const upload = containerPutArchive(client, "c", "/", endless());
    await expect(upload).rejects.toThrow("No such container: c");
    stop = true;
    client.close();
    expect(server.requests[0]).toBe("HEAD /_ping");
  });

  test("wait is registered before it resolves", async () => {
    let finish!: () => void;
    await using server = await daemon((_request, response) => {
      response.writeHead(200, { "Content-Type": "application/json" });
      response.flushHeaders();
      finish = () => response.end('{"StatusCode":3}\n');
    });
    const client = new Client({ host: server.host });
    const { exit } = await containerWait(client, "c", { condition: "removed" });
    finish();
    expect((await exit).StatusCode).toBe(3);
    client.close();
  });
});

describe("hijacked stream", () => {
  const echo = (_request: IncomingMessage, socket: Socket) => {
    socket.write(
      "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nfirst:",
    );
    let count = 0;
    socket.on("data", (chunk: Buffer) => {
      count += chunk.length;
    });
    socket.on("end", () => socket.end(String(count)));
  };

  test("goes on receiving after half-close, and holds back a fast writer", async () => {
    await using server = await daemon(() => {}, echo);
    const client = new Client({ host: server.host });
    const stream = await containerAttach(client, "c", { stdin: true, stream: true });
    expect(stream.contentType).toBe("application/vnd.docker.raw-stream");
    const chunk = new Uint8Array(1 << 20);
    for (let i = 0; i < 16; i++) await stream.write(chunk);
    stream.closeWrite();
    let text = "";
    for await (const piece of stream) text += new TextDecoder().decode(piece);
    expect(text).toBe(`first:${16 << 20}`);
    stream.destroy();
  });

  test("a refused one is an error", async () => {
    await using server = await daemon(
      () => {},
      (_request, socket) =>
        void socket.end(
          'HTTP/1.1 409 Conflict\r\nContent-Type: application/json\r\nContent-Length: 27\r\n\r\n{"message":"not running: c"}'.replace(
            "27",
            "28",
          ),
        ),
    );
    const client = new Client({ host: server.host });
    const attempt = execStart(client, "e", { Tty: false });
    await expect(attempt).rejects.toThrow("not running: c");
  });
});
