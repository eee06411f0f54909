import { AT, close, fstat, isErrno, O, open, readFull, type Stat, statIfExists } from "@berth/linux";
import { parseAddress } from "../address/ip.ts";
import { canonicalName } from "./message.ts";

/**
 * A zone file: the names of one network (or, for links, of one container). JSON; the daemon replaces it by rename when
 * something changes, the shims' name servers read it again.
 */
export interface Zone {
  /** Name of the network: `web` is also `web.<network>`. Empty for a container's own file. */
  network: string;
  hosts: ZoneHost[];
  /** Alias → name in one of the zones. */
  links?: Record<string, string>;
}

export interface ZoneHost {
  /** The first is the answer to a reverse lookup, with the network's name appended. */
  names: string[];
  /** IPv4 and IPv6. */
  addresses: string[];
}

const MAX_SIZE = 16 * 1024 * 1024;

export function formatZone(zone: Zone): string {
  return `${JSON.stringify({ version: 1, ...zone })}\n`;
}

/** Undefined when the text is not a zone file. */
export function parseZone(text: string): Zone | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { version, network, hosts, links } = value as Record<string, unknown>;
  if (version !== 1 || typeof network !== "string" || !Array.isArray(hosts)) return undefined;
  const isTexts = (list: unknown): list is string[] =>
    Array.isArray(list) && list.every((item) => typeof item === "string");
  const zone: Zone = { network, hosts: [] };
  for (const host of hosts as Record<string, unknown>[]) {
    if (typeof host !== "object" || host === null || !isTexts(host.names) || !isTexts(host.addresses)) {
      return undefined;
    }
    zone.hosts.push({ names: host.names, addresses: host.addresses });
  }
  if (links !== undefined) {
    if (typeof links !== "object" || links === null || !isTexts(Object.values(links))) return undefined;
    zone.links = links as Record<string, string>;
  }
  return zone;
}

/** A zone in the form in which it is asked. Names are canonical (`canonicalName`). */
export interface ZoneIndex {
  network: string;
  byName: Map<string, string[]>;
  byAddress: Map<string, string>;
  links: Map<string, string>;
}

export function indexZone(zone: Zone): ZoneIndex {
  const index: ZoneIndex = {
    network: canonicalName(zone.network),
    byName: new Map(),
    byAddress: new Map(),
    links: new Map(),
  };
  for (const host of zone.hosts) {
    for (const name of host.names) {
      const key = canonicalName(name);
      const addresses = index.byName.get(key);
      if (addresses === undefined) index.byName.set(key, [...host.addresses]);
      else addresses.push(...host.addresses);
    }
    const [first] = host.names;
    if (first === undefined) continue;
    for (const address of host.addresses) {
      if (parseAddress(address) !== undefined) index.byAddress.set(address, `${first}.${zone.network}`);
    }
  }
  for (const [alias, target] of Object.entries(zone.links ?? {})) {
    index.links.set(canonicalName(alias), canonicalName(target));
  }
  return index;
}

const EMPTY: ZoneIndex = { network: "", byName: new Map(), byAddress: new Map(), links: new Map() };

/** A zone file that is read again when it was replaced. */
export class ZoneFile {
  readonly path: string;
  #seen = "";
  #index: ZoneIndex = EMPTY;

  constructor(path: string) {
    this.path = path;
  }

  /** The zone of now. Empty while there is no file; the last good one while the file cannot be read. */
  get(): ZoneIndex {
    let stat: Stat | undefined;
    try {
      stat = statIfExists(AT.FDCWD, this.path, 0);
    } catch {
      return this.#index;
    }
    if (stat === undefined) {
      this.#seen = "";
      this.#index = EMPTY;
      return EMPTY;
    }
    const version = versionOf(stat);
    if (version !== this.#seen) this.#read();
    return this.#index;
  }

  #read(): void {
    let fd: number;
    try {
      fd = open(this.path, O.RDONLY);
    } catch (error) {
      if (!isErrno(error, "ENOENT", "EACCES", "ENFILE", "EMFILE")) throw error;
      return;
    }
    try {
      const stat = fstat(fd);
      if (stat.size > MAX_SIZE) return;
      const bytes = new Uint8Array(stat.size);
      const count = readFull(fd, bytes);
      const zone = parseZone(new TextDecoder().decode(bytes.subarray(0, count)));
      if (zone === undefined) return;
      this.#index = indexZone(zone);
      this.#seen = versionOf(stat);
    } finally {
      close(fd);
    }
  }
}

function versionOf(stat: Stat): string {
  return `${stat.ino}:${stat.size}:${stat.mtimeSeconds}.${stat.mtimeNanoseconds}`;
}
