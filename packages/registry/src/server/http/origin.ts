import { RegistryError } from "../errors.ts";

const HOST = /^(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/;

/**
 * Scheme and host as the client called the registry; a proxy in front says them in `Forwarded` (RFC 7239) or in
 * `X-Forwarded-Proto` and `X-Forwarded-Host`. @throws UNSUPPORTED when the client named no host.
 */
export function originOf(request: Request): string {
  const { headers, url } = request;
  const forwarded = headers.get("forwarded");
  const first = (name: string) => headers.get(name)?.split(",")[0]?.trim();
  const told =
    forwarded !== null
      ? { scheme: parameter(forwarded, "proto"), host: parameter(forwarded, "host") }
      : { scheme: first("x-forwarded-proto"), host: first("x-forwarded-host") };
  const own = url.startsWith("https:") ? "https" : "http";
  const scheme = told.scheme === "http" || told.scheme === "https" ? told.scheme : own;
  const host = [told.host, headers.get("host")].find((each) => each && HOST.test(each));
  if (host === undefined)
    throw new RegistryError("UNSUPPORTED", { status: 400, message: "the request names no host" });
  return `${scheme}://${host}`;
}

/** Of the first element, which is of the proxy that the client talked to. */
function parameter(forwarded: string, name: string): string | undefined {
  const element = forwarded.split(",")[0]!;
  const match = new RegExp(`(?:^|;)\\s*${name}=(?:"([^"]*)"|([^;"\\s]*))`, "i").exec(element);
  return match?.[1] ?? match?.[2];
}
