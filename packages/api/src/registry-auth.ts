import { type Decoder, optional, string, struct } from "./decode/decoder.ts";

/** Credentials for a registry, as `X-Registry-Auth` and `POST /auth` have them. */
export interface RegistryAuth {
  username?: string;
  password?: string;
  /** OAuth 2 refresh token, which stands for user and password. */
  identityToken?: string;
  /** Sent as it is as a bearer token. */
  registryToken?: string;
  serverAddress?: string;
}

const MAX_HEADER = 64 * 1024;

/** Reads `X-Registry-Auth`: base64 (URL form) of JSON. What cannot be read counts as nothing, as with Docker. */
export function decodeRegistryAuth(header: string | undefined): RegistryAuth {
  if (header === undefined || header === "" || header.length > MAX_HEADER) return {};
  try {
    return registryAuthOf(JSON.parse(Buffer.from(header, "base64").toString("utf8")));
  } catch {
    return {};
  }
}

/** The members that are known of a JSON value; `auth` is base64 of `user:password`. */
export function registryAuthOf(value: unknown): RegistryAuth {
  if (typeof value !== "object" || value === null) return {};
  const members = new Map(Object.entries(value).map(([name, each]) => [name.toLowerCase(), each]));
  const text = (name: string) => {
    const each: unknown = members.get(name);
    return typeof each === "string" && each !== "" ? each : undefined;
  };
  let username = text("username");
  let password = text("password");
  const both = text("auth");
  if (both !== undefined && username === undefined) {
    const decoded = Buffer.from(both, "base64").toString("utf8");
    const colon = decoded.indexOf(":");
    if (colon > 0)
      [username, password] = [decoded.slice(0, colon), decoded.slice(colon + 1).replace(/\0+$/, "")];
  }
  const identityToken = text("identitytoken");
  const registryToken = text("registrytoken");
  const serverAddress = text("serveraddress");
  return {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(identityToken !== undefined && { identityToken }),
    ...(registryToken !== undefined && { registryToken }),
    ...(serverAddress !== undefined && { serverAddress }),
  };
}

/** The body of `POST /auth`. */
export const registryAuthDecoder: Decoder<object> = struct("registry.AuthConfig", {
  username: optional(string),
  password: optional(string),
  auth: optional(string),
  email: optional(string),
  serveraddress: optional(string),
  identitytoken: optional(string),
  registrytoken: optional(string),
});
