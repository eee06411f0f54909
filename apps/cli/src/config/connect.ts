import { Client, type ClientOptions, type Dial, parseHost, type TlsOptions } from "@berth/client";
import type { Context } from "../context.ts";
import { CommandError } from "../errors.ts";
import { type Endpoint, findEndpoint } from "./endpoint.ts";

/** The daemon that options, environment and configuration name. Nothing is connected yet. @throws CommandError */
export async function connect(context: Context): Promise<Client> {
  const { environment } = context;
  try {
    const endpoint = await findEndpoint(context);
    const address = parseHost(endpoint.host);
    const tls = address.kind === "tcp" ? await findTls(context, endpoint) : undefined;
    const headers = (await context.configuration()).file.HttpHeaders;
    const options: ClientOptions = {
      host: endpoint.host,
      userAgent: `Berth-Client/${process.env.BERTH_VERSION ?? "0.1.0"} (linux)`,
      ...(tls !== undefined && { tls }),
      ...(headers !== undefined && { headers }),
      ...(context.options.debug && {
        trace: ({ method, target, status, milliseconds }) => {
          // At once: the process may end with the next line.
          console.error(
            `level=debug msg="${method} ${target}" status=${status} ms=${milliseconds.toFixed(1)}`,
          );
        },
      }),
      ...(environment.DOCKER_API_VERSION && { apiVersion: environment.DOCKER_API_VERSION }),
    };
    return new Client(endpoint.fallback === undefined ? options : withFallback(options, endpoint.fallback));
  } catch (error) {
    throw new CommandError(
      `Failed to initialize: unable to resolve docker endpoint: ${(error as Error).message}`,
    );
  }
}

/** Tries the other socket when nobody has made the first; complains about the first. */
function withFallback(options: ClientOptions, fallback: string): ClientOptions {
  const first = new Client(options);
  const second = new Client({ ...options, host: fallback });
  let chosen: Client | undefined;
  const dial: Dial = async (signal) => {
    if (chosen !== undefined) return chosen.connect(signal);
    try {
      const connection = await first.connect(signal);
      chosen = first;
      return connection;
    } catch (error) {
      if ((error as { code?: string }).code !== "ENOENT") throw error;
      const connection = await second.connect(signal).catch(() => undefined);
      if (connection === undefined) throw error;
      chosen = second;
      return connection;
    }
  };
  return { ...options, dial };
}

async function findTls(context: Context, endpoint: Endpoint): Promise<TlsOptions | undefined> {
  const { options, environment } = context;
  const { folder } = await context.configuration();
  if (endpoint.context !== "default") {
    const { readContext, readContextTls } = await import("./context-store.ts");
    const stored = await readContext(folder, endpoint.context);
    const files = await readContextTls(folder, endpoint.context);
    const skip = stored.Endpoints.docker?.SkipTLSVerify ?? false;
    if (!skip && Object.keys(files).length === 0 && !endpoint.host.startsWith("https:")) return undefined;
    return { ...files, verify: !skip };
  }
  const verify = options.tlsVerify ?? (environment.DOCKER_TLS_VERIFY ?? "") !== "";
  const on =
    options.tls || options.tlsVerify !== undefined || verify || (environment.DOCKER_TLS ?? "") !== "";
  if (!on) return endpoint.host.startsWith("https:") ? { verify: true } : undefined;
  const certificates = environment.DOCKER_CERT_PATH || folder;
  const read = async (asked: string | undefined, name: string): Promise<string | undefined> => {
    const file = Bun.file(asked ?? `${certificates}/${name}`);
    // A default file need not be there.
    if (asked === undefined && !(await file.exists())) return undefined;
    return file.text();
  };
  const ca = verify ? await read(options.tlsCaCert, "ca.pem") : undefined;
  const cert = await read(options.tlsCert, "cert.pem");
  const key = await read(options.tlsKey, "key.pem");
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    verify,
  };
}
