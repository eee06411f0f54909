import { quote } from "../format/quote.ts";
import { canonicalIp, isIpAddress } from "./addresses.ts";

/** `--add-host name:ip`, `name=ip`, `name:host-gateway`; as the API takes it. @throws Error in Docker's words. */
export function parseExtraHost(text: string): string {
  const equals = text.indexOf("=");
  const at = equals >= 0 ? equals : text.indexOf(":");
  if (at < 1) throw new Error(`bad format for add-host: ${quote(text)}`);
  const name = text.slice(0, at);
  let address = text.slice(at + 1);
  // An IPv6 address may stand in brackets.
  if (address.length > 2 && address.startsWith("[") && address.endsWith("]")) address = address.slice(1, -1);
  if (address !== "host-gateway") {
    if (!isIpAddress(address)) throw new Error(`invalid IP address in add-host: ${quote(address)}`);
  }
  return `${name}:${address}`;
}

/** `--dns`. @throws Error in Docker's words. */
export function parseDnsServer(text: string): string {
  const address = text.trim();
  if (!isIpAddress(address)) throw new Error(`IP address is not correctly formatted: ${text}`);
  return canonicalIp(address);
}

/** `--dns-search`. @throws Error in Docker's words. */
export function parseSearchDomain(text: string): string {
  const domain = text.trim();
  if (domain === ".") return domain;
  const label = "[a-zA-Z](?:-*[a-zA-Z0-9])*|[0-9]+(?:-*[a-zA-Z0-9])*";
  if (!/[a-zA-Z]/.test(domain)) throw new Error(`${text} is not a valid domain`);
  const pattern = new RegExp(`^(:?(${label})(\\.(?:${label}))*)\\.?\\s*$`);
  if (domain.length > 255 || !pattern.test(domain)) throw new Error(`${text} is not a valid domain`);
  return domain.replace(/\.$/, "");
}

/** `--link name[:alias]`. @throws Error in Docker's words. */
export function checkLink(text: string): string {
  if (text === "") throw new Error("empty string specified for links");
  if (text.split(":").length > 2) throw new Error(`bad format for links: ${text}`);
  return text;
}

const SYSCTLS = new Set([
  "kernel.msgmax",
  "kernel.msgmnb",
  "kernel.msgmni",
  "kernel.sem",
  "kernel.shmall",
  "kernel.shmmax",
  "kernel.shmmni",
  "kernel.shm_rmid_forced",
]);

/** @throws Error in Docker's words for a setting that has no namespace. */
export function checkSysctl(text: string): string {
  const at = text.indexOf("=");
  const name = at < 0 ? text : text.slice(0, at);
  if (at < 0 || !(SYSCTLS.has(name) || name.startsWith("net.") || name.startsWith("fs.mqueue."))) {
    throw new Error(`sysctl '${text}' is not allowed`);
  }
  return text;
}
