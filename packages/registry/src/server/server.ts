import { lstatSync, unlinkSync } from "node:fs";
import { log } from "@berth/base";
import type { DispatchOptions } from "./http/dispatch.ts";
import { type HandlerParts, requestHandler } from "./http/handler.ts";
import type { RateLimiter } from "./http/rate-limit.ts";
import type { AccessLog } from "./observe/access-log.ts";
import type { Metrics } from "./observe/metrics.ts";

export interface TlsOptions {
  /** PEM. */
  certificate: string;
  key: string;
  /** Certificates (PEM) of which each client must present one that they signed. */
  clientAuthorities?: string;
  /** The oldest version. */
  minimum: "tls1.2" | "tls1.3";
  /** Cipher suites of TLS 1.2 by their names in the standards; empty: those that are safe. */
  ciphers: readonly string[];
}

export interface Listen {
  hostname: string;
  port: number;
  /** A socket at this path instead. */
  unix?: string;
  tls?: TlsOptions;
}

const VERSIONS = { "tls1.2": 0x0303, "tls1.3": 0x0304 } as const;

export interface RegistryServerOptions {
  listen: Listen;
  dispatch: DispatchOptions;
  accessLog: AccessLog;
  rate: RateLimiter;
  metrics: Metrics;
  /** See `HandlerParts`. */
  host: string;
  prefix: string;
  headers: Readonly<Record<string, readonly string[]>>;
  isWell: HandlerParts["isWell"];
  other: HandlerParts["other"];
}

/** Seconds that a connection may stand still. */
const IDLE_SECONDS = 120;

/** Listens and answers, until it is stopped. */
export class RegistryServer implements AsyncDisposable {
  #options: RegistryServerOptions;
  #server: Bun.Server<undefined>;
  #headers: [string, readonly string[]][];

  constructor(options: RegistryServerOptions) {
    this.#options = options;
    this.#headers = Object.entries(options.headers);
    this.#server = this.#listen(false);
  }

  /** 0 when it is a socket of the file system. */
  get port(): number {
    return this.#server.port ?? 0;
  }

  /** Takes new settings for requests that come from now on. A new certificate is served on new connections. */
  reload(change: Partial<RegistryServerOptions>): void {
    const before = this.#options.listen.tls;
    this.#options = { ...this.#options, ...change, listen: { ...this.#options.listen, ...tlsOf(change) } };
    this.#headers = Object.entries(this.#options.headers);
    if (JSON.stringify(before) === JSON.stringify(this.#options.listen.tls)) return;
    const old = this.#server;
    this.#options.listen.port = old.port ?? 0;
    this.#server = this.#listen(true);
    void old.stop();
    log.info("serving a new certificate");
  }

  /** No new connections; resolves when the requests that run have their responses, or after `seconds`. */
  async stop(seconds: number): Promise<void> {
    const stopped = this.#server.stop();
    await Promise.race([stopped, Bun.sleep(seconds * 1000)]);
    await this.#server.stop(true);
    this.#options.accessLog.flush();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop(0);
  }

  #listen(again: boolean): Bun.Server<undefined> {
    const { listen, accessLog, metrics, rate } = this.#options;
    const { tls, unix } = listen;
    const handler = requestHandler({
      options: () => this.#options.dispatch,
      accessLog,
      metrics,
      rate,
      host: () => this.#options.host,
      prefix: () => this.#options.prefix,
      isWell: () => this.#options.isWell(),
      headers: () => this.#headers,
      other: (request, path) => this.#options.other(request, path),
    });
    const common = {
      development: false as const,
      idleTimeout: IDLE_SECONDS,
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      ...(tls !== undefined && {
        tls: {
          cert: tls.certificate,
          key: tls.key,
          minVersion: VERSIONS[tls.minimum],
          ...(tls.ciphers.length > 0 && { ciphers: tls.ciphers.join(":") }),
          ...(tls.clientAuthorities !== undefined && {
            ca: tls.clientAuthorities,
            requestCert: true,
            rejectUnauthorized: true,
          }),
        },
      }),
      fetch: handler,
      error(error: Error) {
        // A file that went away between the look and the sending.
        const isGone = (error as NodeJS.ErrnoException).code === "ENOENT";
        return new Response(null, { status: isGone ? 404 : 500 });
      },
    };
    if (unix !== undefined) {
      removeSocket(unix);
      // The types know no idle time for it; the server does.
      return Bun.serve({ ...common, unix } as unknown as Bun.Serve.Options<undefined>);
    }
    const { hostname, port } = listen;
    if (tls !== undefined && !again) requireFree(hostname, port);
    // A second listener takes over when the certificate changes.
    return Bun.serve({ ...common, hostname, port, reusePort: again || tls !== undefined });
  }
}

/** An address that is shared could be shared with a stranger too. @throws when something listens there. */
function requireFree(hostname: string, port: number): void {
  if (port === 0) return;
  Bun.listen({ hostname, port, socket: { data() {} } }).stop(true);
}

/** One that a process left which was killed. */
function removeSocket(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket()) unlinkSync(path);
}

function tlsOf({ listen }: Partial<RegistryServerOptions>): { tls?: TlsOptions } {
  return listen?.tls === undefined ? {} : { tls: listen.tls };
}
