import { RegistryError } from "../errors.ts";
import type { Access } from "./access.ts";

const quote = (text: string): string => `"${text.replace(/["\\\r\n]/g, "")}"`;

/** 401 that asks for a user name and a password (RFC 7617). */
export function basicChallenge(realm: string, detail?: unknown): RegistryError {
  return new RegistryError("UNAUTHORIZED", {
    ...(detail !== undefined && { detail }),
    headers: { "WWW-Authenticate": `Basic realm=${quote(realm)}` },
  });
}

/** `repository:a/b:pull,push`: the form of scopes in challenges and token requests. Pushing needs pulling too. */
export function scopeOf(access: Access): string {
  if (access.type === "registry") return "registry:catalog:*";
  const actions = access.action === "push" ? "pull,push" : access.action;
  return `repository:${access.name}:${actions}`;
}

/** 401 that sends the client to a token service (RFC 6750 and Docker's token authentication). */
export function bearerChallenge(
  service: { realm: string; service: string },
  needed: Access | undefined,
  error?: "invalid_token" | "insufficient_scope",
): RegistryError {
  const parts = [`Bearer realm=${quote(service.realm)}`, `service=${quote(service.service)}`];
  if (needed !== undefined) parts.push(`scope=${quote(scopeOf(needed))}`);
  if (error !== undefined) parts.push(`error="${error}"`);
  const detail =
    needed === undefined
      ? undefined
      : [{ Type: needed.type, Class: "", Name: needed.name, Action: needed.action }];
  return new RegistryError("UNAUTHORIZED", {
    ...(detail !== undefined && { detail }),
    headers: { "WWW-Authenticate": parts.join(",") },
  });
}

/** User name and password of an `Authorization` header; undefined when it has none. */
export function basicCredentials(header: string | null): { user: string; password: string } | undefined {
  const match = /^basic\s+([A-Za-z0-9+/=]{1,4096})$/i.exec(header ?? "");
  if (match === null) return undefined;
  const text = Buffer.from(match[1]!, "base64").toString("utf8");
  const colon = text.indexOf(":");
  return colon < 0 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** The token of an `Authorization` header. */
export function bearerToken(header: string | null): string | undefined {
  return /^bearer\s+([\w.~+/=-]{1,16384})$/i.exec(header ?? "")?.[1];
}
