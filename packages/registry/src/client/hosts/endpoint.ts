import { DEFAULT_DOMAIN } from "@berth/spec";
import type { RegistrySettings } from "../client.ts";
import { type HostFiles, readHostFiles } from "./certificates.ts";
import { isInsecure } from "./insecure.ts";

export type Purpose = "pull" | "push";

/** Certificates for the connections to a host. */
export interface EndpointTls {
  /** PEM; in addition to those of the system. */
  ca: readonly string[];
  cert?: string;
  key?: string;
  verify: boolean;
}

/** One place that serves a registry's API. */
export interface Endpoint {
  /** `registry-1.docker.io`, `localhost:5000`. */
  host: string;
  /** Tried in this order; the first that answers is remembered. */
  schemes: readonly ("https" | "http")[];
  /** Before `<name>/manifests/…`: `/v2`. */
  prefix: string;
  tls: EndpointTls;
  /** Sent with every request to this host. */
  headers: Readonly<Record<string, string>>;
  /** Under which name credentials are looked up. */
  domain: string;
  mirror: boolean;
}

/** Where Docker Hub's registry is. */
export const HUB_HOST = "registry-1.docker.io";

/** The places to ask for a registry's content, in order: mirrors first, for pulls only. */
export function endpointsOf(domain: string, purpose: Purpose, settings: RegistrySettings): Endpoint[] {
  const files = readHostFiles(domain, settings.certificates);
  const own = ownEndpoint(domain, settings, files);
  const mirrors: Endpoint[] = [];
  for (const host of files.hosts) {
    if (!host.capabilities.has(purpose)) continue;
    const at = fromUrl(host.url, domain, settings);
    if (at === undefined) continue;
    const { ca, cert, key, skipVerify } = host;
    const isOwn = at.host === own.host;
    mirrors.push({
      ...at,
      prefix: host.overridePath ? at.prefix.replace(/\/v2$/, "") || "" : at.prefix,
      headers: host.headers,
      tls: {
        ca: [...at.tls.ca, ...ca],
        ...(cert !== undefined && { cert }),
        ...(key !== undefined && { key }),
        verify: at.tls.verify && !skipVerify,
      },
      ...(isOwn && { domain, mirror: false }),
    });
  }
  if (purpose === "pull" && domain === DEFAULT_DOMAIN) {
    for (const url of settings.mirrors) {
      const at = fromUrl(url, domain, settings);
      if (at !== undefined) mirrors.push(at);
    }
  }
  return mirrors.some((each) => !each.mirror) ? mirrors : [...mirrors, own];
}

function ownEndpoint(domain: string, settings: RegistrySettings, files: HostFiles): Endpoint {
  const server = files.server === undefined ? undefined : fromUrl(files.server, domain, settings);
  const host = domain === DEFAULT_DOMAIN ? HUB_HOST : domain;
  const base = server ?? at(host, settings);
  return { ...base, tls: withFiles(base.tls, files), domain, mirror: false };
}

/** The endpoint of a host that is spoken to without any API prefix of its own. */
export function at(host: string, settings: RegistrySettings): Endpoint {
  const insecure = isInsecure(host, settings.insecure);
  return {
    host,
    schemes: insecure ? ["https", "http"] : ["https"],
    prefix: "/v2",
    tls: { ca: [], verify: !insecure },
    headers: {},
    domain: host,
    mirror: false,
  };
}

function fromUrl(text: string, _domain: string, settings: RegistrySettings): Endpoint | undefined {
  let url: URL;
  try {
    url = new URL(text.includes("://") ? text : `https://${text}`);
  } catch {
    return undefined;
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") return undefined;
  const endpoint = at(url.host, settings);
  const path = url.pathname.replace(/\/+$/, "").replace(/\/v2$/, "");
  return {
    ...endpoint,
    tls: withFiles(endpoint.tls, readHostFiles(url.host, settings.certificates)),
    schemes: url.protocol === "http:" ? ["http"] : endpoint.schemes,
    prefix: `${path}/v2`,
    mirror: true,
  };
}

function withFiles(tls: EndpointTls, files: HostFiles): EndpointTls {
  return {
    ca: [...tls.ca, ...files.ca],
    ...(files.cert !== undefined && { cert: files.cert }),
    ...(files.key !== undefined && { key: files.key }),
    verify: tls.verify,
  };
}
