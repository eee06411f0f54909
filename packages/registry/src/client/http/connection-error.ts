import { lookup } from "node:dns/promises";
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { messageOf } from "@berth/base";
import { ConnectionError } from "../errors.ts";
import { hostName } from "../hosts/insecure.ts";

const PORTS = { https: 443, http: 80 } as const;
/** Certificates that cannot be verified, in Go's words. */
const CERTIFICATE: Readonly<Record<string, string>> = {
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "x509: certificate signed by unknown authority",
  UNABLE_TO_GET_ISSUER_CERT: "x509: certificate signed by unknown authority",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "x509: certificate signed by unknown authority",
  DEPTH_ZERO_SELF_SIGNED_CERT: "x509: certificate signed by unknown authority",
  SELF_SIGNED_CERT_IN_CHAIN: "x509: certificate signed by unknown authority",
  CERT_HAS_EXPIRED: "x509: certificate has expired or is not yet valid",
  CERT_NOT_YET_VALID: "x509: certificate has expired or is not yet valid",
};

/**
 * What `fetch` threw, in the sentence that Docker has for it: `Get "https://host/v2/": dial tcp …: connect: connection refused`.
 * `probe`: ask a host that does not speak TLS whether it speaks HTTP.
 */
export async function connectionError(url: URL, error: unknown, probe: boolean): Promise<ConnectionError> {
  const scheme = url.protocol === "https:" ? "https" : "http";
  const { host } = url;
  // Docker asks for the API's root first, and names that; its search has no such thing.
  const shown = url.pathname.startsWith("/v1/") ? `${url.pathname}${url.search}` : "/v2/";
  const { words, transient, code } = await connectionWords(url, error, probe);
  return new ConnectionError(`Get "${scheme}://${host}${shown}": ${words}`, code, transient, error);
}

/** Why `fetch` failed, in Go's words: `dial tcp 127.0.0.1:1: connect: connection refused`. */
export async function connectionWords(
  url: URL,
  error: unknown,
  probe: boolean,
): Promise<{ words: string; transient: boolean; code: string }> {
  const scheme = url.protocol === "https:" ? "https" : "http";
  const code = String((error as { code?: unknown }).code ?? "");
  return { ...(await describe(scheme, url.host, code, messageOf(error), probe)), code };
}

async function describe(
  scheme: "https" | "http",
  host: string,
  code: string,
  message: string,
  probe: boolean,
): Promise<{ words: string; transient: boolean }> {
  const name = hostName(host);
  switch (code) {
    case "ECONNREFUSED":
    case "ConnectionRefused": {
      const port = /:(\d+)$/.exec(host)?.[1] ?? PORTS[scheme];
      return {
        words: `dial tcp ${await address(name, port)}: connect: connection refused`,
        transient: false,
      };
    }
    case "ENETUNREACH":
    case "EHOSTUNREACH": {
      const port = /:(\d+)$/.exec(host)?.[1] ?? PORTS[scheme];
      const why = code === "ENETUNREACH" ? "network is unreachable" : "no route to host";
      return { words: `dial tcp ${await address(name, port)}: connect: ${why}`, transient: false };
    }
    case "ENOTFOUND":
    case "EAI_AGAIN":
    case "DNSResolveFailed":
      return {
        words: `dial tcp: lookup ${name}${nameServer()}: no such host`,
        transient: code === "EAI_AGAIN",
      };
    case "EPROTO":
      return {
        words:
          probe && (await answersPlainly(host))
            ? "http: server gave HTTP response to HTTPS client"
            : "remote error: tls: handshake failure",
        transient: false,
      };
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return { words: `x509: certificate is not valid for ${name}`, transient: false };
    case "ECONNRESET":
      return { words: "EOF", transient: true };
    case "ETIMEDOUT":
      return {
        words:
          "net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)",
        transient: true,
      };
    default:
      if (CERTIFICATE[code] !== undefined) return { words: CERTIFICATE[code], transient: false };
      return { words: message.slice(0, 500), transient: true };
  }
}

async function address(name: string, port: string | number): Promise<string> {
  if (isIP(name) !== 0) return name.includes(":") ? `[${name}]:${port}` : `${name}:${port}`;
  try {
    const found = await lookup(name);
    return found.family === 6 ? `[${found.address}]:${port}` : `${found.address}:${port}`;
  } catch {
    return `${name}:${port}`;
  }
}

function nameServer(): string {
  try {
    const found = /^\s*nameserver\s+(\S+)/m.exec(readFileSync("/etc/resolv.conf", "utf8"))?.[1];
    return found === undefined ? "" : ` on ${found.includes(":") ? `[${found}]` : found}:53`;
  } catch {
    return "";
  }
}

/** Whether a port that does not speak TLS speaks HTTP. */
async function answersPlainly(host: string): Promise<boolean> {
  try {
    const response = await fetch(`http://${host}/`, {
      method: "HEAD",
      redirect: "manual",
      signal: AbortSignal.timeout(2000),
    });
    await response.body?.cancel();
    return true;
  } catch {
    return false;
  }
}
