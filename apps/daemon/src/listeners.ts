import { homedir } from "node:os";
import { join } from "node:path";
import { log, systemError } from "@berth/base";
import {
  describeEndpoint,
  findGroup,
  type Listening,
  listen,
  parseEndpoint,
  type RequestHandler,
  type TlsConfig,
} from "@berth/server";
import type { DaemonConfig } from "./config/options.ts";

export const DEFAULT_SOCKET = "/run/berth/berth.sock";

/** Groups that may use the unix socket when `--group` is not given. */
const GROUPS = ["docker", "berth"];

/** Listens on every `--host`; on failure none is left open. @throws BerthError. */
export async function openListeners(handler: RequestHandler, config: DaemonConfig): Promise<Listening[]> {
  const groupId = socketGroup(config.group);
  const tls = tlsConfig(config);
  const hosts = config.hosts.length === 0 ? [`unix://${DEFAULT_SOCKET}`] : config.hosts;
  const open: Listening[] = [];
  try {
    for (const host of hosts) {
      const endpoint = parseEndpoint(host, { unixPath: DEFAULT_SOCKET, tls: config.tls });
      if (endpoint.kind === "tcp" && !config.tlsVerify) {
        log.warn(
          "Binding to IP address without --tlsverify is insecure and gives root access on this machine to everyone who has access to your network.",
          {
            host: `tcp://${describeEndpoint(endpoint)}`,
          },
        );
      }
      open.push(...(await listen(handler, { endpoint, groupId, ...(tls !== undefined && { tls }) })));
    }
  } catch (error) {
    for (const each of open) await each.close();
    throw error;
  }
  return open;
}

/** @throws system `group x not found`. */
function socketGroup(name: string): number {
  if (name === "") return findGroup(GROUPS) ?? 0;
  const group = findGroup([name]);
  if (group === undefined) throw systemError(`failed to load listeners: group ${name} not found`);
  return group;
}

function tlsConfig(config: DaemonConfig): TlsConfig | undefined {
  if (!config.tls) return undefined;
  const folder = process.env.DOCKER_CERT_PATH ?? join(homedir(), ".docker");
  return {
    caFile: config.tlsCaCert || join(folder, "ca.pem"),
    certFile: config.tlsCert || join(folder, "cert.pem"),
    keyFile: config.tlsKey || join(folder, "key.pem"),
    verify: config.tlsVerify,
  };
}
