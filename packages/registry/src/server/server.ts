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
}

export interface Listen {
  hostname: string;
  port: number;
  tls?: TlsOptions;
}

export interface RegistryServerOptions {
  listen: Listen;
  dispatch: DispatchOptions;
  accessLog: AccessLog;
  rate: RateLimiter;
  metrics: Metrics;
  /** See `HandlerParts`. */
  host: string;
  other: HandlerParts["other"];
}

/** Seconds that a connection may stand still. */
const IDLE_SECONDS = 120;

/** Listens and answers, until it is stopped. */
export class RegistryServer implements AsyncDisposable {
  #options: RegistryServerOptions;
  #server: Bun.Server<undefined>;

  constructor(options: RegistryServerOptions) {
    this.#options = options;
    this.#server = this.#listen(false);
  }

  get port(): number {
    return this.#server.port!;
  }

  /** Takes new settings for requests that come from now on. A new certificate is served on new connections. */
  reload(change: Partial<RegistryServerOptions>): void {
    const before = this.#options.listen.tls;
    this.#options = { ...this.#options, ...change, listen: { ...this.#options.listen, ...tlsOf(change) } };
    if (JSON.stringify(before) === JSON.stringify(this.#options.listen.tls)) return;
    const old = this.#server;
    this.#options.listen.port = old.port!;
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
    const { tls } = listen;
    const handler = requestHandler({
      options: () => this.#options.dispatch,
      accessLog,
      metrics,
      rate,
      host: () => this.#options.host,
      other: (request, path) => this.#options.other(request, path),
    });
    return Bun.serve({
      hostname: listen.hostname,
      port: listen.port,
      // A second listener takes over when the certificate changes.
      reusePort: again || tls !== undefined,
      development: false,
      idleTimeout: IDLE_SECONDS,
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      ...(tls !== undefined && {
        tls: {
          cert: tls.certificate,
          key: tls.key,
          ...(tls.clientAuthorities !== undefined && {
            ca: tls.clientAuthorities,
            requestCert: true,
            rejectUnauthorized: true,
          }),
        },
      }),
      fetch: handler,
      error(error) {
        // A file that went away between the look and the sending.
        const isGone = (error as NodeJS.ErrnoException).code === "ENOENT";
        return new Response(null, { status: isGone ? 404 : 500 });
      },
    });
  }
}

function tlsOf({ listen }: Partial<RegistryServerOptions>): { tls?: TlsOptions } {
  return listen?.tls === undefined ? {} : { tls: listen.tls };
}
