import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, renameSync, utimesSync } from "node:fs";
import { basename, join } from "node:path";
import { type Digest, invalidParameter, messageOf, newId } from "@berth/base";
import type { Snapshots } from "@berth/snapshot";
import type { State } from "@berth/state";
import { keyOf } from "../cache/key.ts";
import { withoutPassword } from "./git.ts";
import { writePieces } from "./write-pieces.ts";

/** A file that was fetched. */
export interface Download {
  /** Folder that holds nothing but the file. */
  folder: string;
  name: string;
  digest: Digest;
  size: number;
}

interface Facts {
  name: string;
  digest: Digest;
  size: number;
  etag: string;
  modified: string;
}

export interface DownloadRequest {
  url: string;
  filename?: string;
  checksum?: Digest;
  report?(current: number, total: number): void;
}

/** Files behind HTTP(S); what did not change at its source is not fetched again. `<root>/<random>/<name>`. */
export class Downloads {
  readonly #root: string;
  readonly #state: State;
  readonly #snapshots: Snapshots;

  constructor(root: string, state: State, snapshots: Snapshots) {
    this.#root = root;
    this.#state = state;
    this.#snapshots = snapshots;
    mkdirSync(root, { recursive: true, mode: 0o700 });
    const known = new Set(this.list().map(({ folder }) => folder));
    for (const name of readdirSync(root)) if (!known.has(name)) snapshots.throwAway(join(root, name));
  }

  list() {
    return this.#state.all<{
      name: string;
      folder: string;
      facts: string;
      created: number;
      used: number;
      usage: number;
    }>("SELECT * FROM downloads");
  }

  path(folder: string): string {
    return join(this.#root, folder);
  }

  remove(name: string, folder: string): void {
    this.#state.transaction(() => this.#state.run("DELETE FROM downloads WHERE name = ?", name), {
      durable: false,
    });
    this.#snapshots.throwAway(this.path(folder));
  }

  /** @throws invalid-parameter for what the server answers, and for a checksum that does not fit */
  async fetch(request: DownloadRequest, signal: AbortSignal): Promise<Download> {
    const key = keyOf(request.url, request.filename);
    const row = this.#state.get<{ folder: string; facts: string }>(
      "SELECT * FROM downloads WHERE name = ?",
      key,
    );
    const known = row === undefined ? undefined : (JSON.parse(row.facts) as Facts);
    const isThere =
      row !== undefined && known !== undefined && existsSync(join(this.path(row.folder), known.name));
    if (isThere && request.checksum === known.digest) return this.#use(key, row.folder, known);

    const headers: Record<string, string> = { "accept-encoding": "identity", "user-agent": "berth" };
    if (isThere && known.etag !== "") headers["if-none-match"] = known.etag;
    else if (isThere && known.modified !== "") headers["if-modified-since"] = known.modified;
    let response: Response;
    try {
      response = await fetch(request.url, { headers, signal, decompress: false } as RequestInit);
    } catch (error) {
      signal.throwIfAborted();
      throw failure(request.url, error);
    }
    if (response.status === 304 && isThere) {
      await response.body?.cancel();
      if (request.checksum !== undefined && request.checksum !== known.digest)
        throw mismatch(request, known.digest);
      return this.#use(key, row.folder, known);
    }
    if (!response.ok || response.body === null) {
      await response.body?.cancel();
      throw invalidParameter(`invalid response status ${response.status}`, {
        hint: `It was the answer for ${request.url}.`,
      });
    }
    return await this.#store(key, request, response, row?.folder, signal);
  }

  async #store(
    key: string,
    request: DownloadRequest,
    response: Response,
    before: string | undefined,
    signal: AbortSignal,
  ): Promise<Download> {
    const name = request.filename ?? nameOf(request.url, response.headers.get("content-disposition"));
    const folder = newId().slice(0, 25);
    const path = this.path(folder);
    mkdirSync(path, { mode: 0o755 });
    try {
      const hash = createHash("sha256");
      const total = Number(response.headers.get("content-length") ?? 0);
      let passed = 0;
      const hashed = async function* () {
        for await (const piece of response.body as ReadableStream<Uint8Array>) {
          hash.update(piece);
          passed += piece.length;
          request.report?.(passed, total);
          yield piece;
        }
      };
      const size = await writePieces(join(path, ".part"), hashed(), 0o600, signal).catch((error) => {
        signal.throwIfAborted();
        throw isErrnoOfDisk(error) ? error : failure(request.url, error);
      });
      const digest: Digest = `sha256:${hash.digest("hex")}`;
      if (request.checksum !== undefined && request.checksum !== digest) throw mismatch(request, digest);
      renameSync(join(path, ".part"), join(path, name));
      const modified = response.headers.get("last-modified") ?? "";
      const time = Date.parse(modified) / 1000;
      // Without a date it has none that depends on when it was fetched.
      utimesSync(join(path, name), time || 0, time || 0);
      const facts: Facts = { name, digest, size, etag: response.headers.get("etag") ?? "", modified };
      const now = Date.now();
      this.#state.transaction(
        () =>
          this.#state.run(
            "INSERT OR REPLACE INTO downloads (name, folder, facts, created, used, usage) VALUES (?, ?, ?, ?, ?, 1)",
            key,
            folder,
            JSON.stringify(facts),
            now,
            now,
          ),
        { durable: false },
      );
      if (before !== undefined) this.#snapshots.throwAway(this.path(before));
      return { folder: path, name, digest, size };
    } catch (error) {
      this.#snapshots.throwAway(path);
      throw error;
    }
  }

  #use(key: string, folder: string, facts: Facts): Download {
    this.#state.transaction(
      () =>
        this.#state.run("UPDATE downloads SET used = ?, usage = usage + 1 WHERE name = ?", Date.now(), key),
      { durable: false },
    );
    return { folder: this.path(folder), name: facts.name, digest: facts.digest, size: facts.size };
  }
}

/** Bun's errors tell of Bun. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ConnectionRefused: "connection refused",
  ECONNRESET: "unexpected EOF",
  ConnectionClosed: "unexpected EOF",
  ENOTFOUND: "no such host",
  EAI_AGAIN: "no such host",
  DNSResolveFailed: "no such host",
  ENETUNREACH: "network is unreachable",
  EHOSTUNREACH: "no route to host",
  ETIMEDOUT: "i/o timeout",
  TooManyRedirects: "stopped after 10 redirects",
  UnsupportedRedirectProtocol: "unsupported protocol scheme",
};

function failure(url: string, error: unknown): Error {
  const code = String((error as { code?: unknown }).code ?? "");
  const name = Object.keys(REASONS).find((each) => code === each || messageOf(error).startsWith(each));
  const reason =
    name === undefined ? messageOf(error).replace(/ For more information, pass.*$/s, "") : REASONS[name];
  return invalidParameter(
    `failed to load cache key: Get ${JSON.stringify(withoutPassword(url))}: ${reason}`,
    {
      cause: error,
    },
  );
}

function isErrnoOfDisk(error: unknown): boolean {
  return ["ENOSPC", "EDQUOT", "EIO", "EROFS", "ENOENT", "EACCES"].includes(
    String((error as { code?: unknown }).code ?? ""),
  );
}

function mismatch(request: DownloadRequest, digest: Digest): Error {
  return invalidParameter(`digest mismatch ${digest}: ${request.checksum}`);
}

/** What the server calls it, or the last part of the address. */
function nameOf(url: string, disposition: string | null): string {
  const given = /filename="?([^";]+)"?/i.exec(disposition ?? "")?.[1];
  for (const candidate of [given, basename(decodeURIComponent(new URL(url).pathname))]) {
    const name = basename(candidate ?? "");
    if (name !== "" && name !== "." && name !== ".." && name !== "/" && !name.includes("\0")) return name;
  }
  return "download";
}
