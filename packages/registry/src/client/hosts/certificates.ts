import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { invalidParameter, log, messageOf } from "@berth/base";
import { parseHostsToml, type TomlHost } from "./hosts-toml.ts";

/** What `certs.d/<host>/` says about a host. */
export interface HostFiles {
  /** PEM of each `*.crt`. */
  ca: string[];
  /** The first pair `*.cert`, `*.key`. */
  cert?: string;
  key?: string;
  /** Of `hosts.toml`. */
  server?: string;
  hosts: TomlHost[];
}

const NOTHING: HostFiles = { ca: [], hosts: [] };

/** @throws invalid-parameter for a key without its certificate, as Docker does. */
export function readHostFiles(host: string, folders: readonly string[]): HostFiles {
  // A host is a part of a path here: what is none reads nothing.
  if (!/^[\w.:[\]-]+$/.test(host) || host.startsWith(".")) return NOTHING;
  for (const folder of folders) {
    for (const name of [host, host.replace(/:(\d+)$/, "_$1_"), "_default"]) {
      const path = join(folder, name);
      let names: string[];
      try {
        names = readdirSync(path).sort();
      } catch {
        continue;
      }
      return readFolder(path, names);
    }
  }
  return NOTHING;
}

function readFolder(path: string, names: readonly string[]): HostFiles {
  const read = (name: string) => readFileSync(join(path, name), "utf8");
  const found: HostFiles = { ca: [], hosts: [] };
  for (const name of names) {
    if (name.endsWith(".crt")) found.ca.push(read(name));
    else if (name.endsWith(".cert")) {
      const key = name.replace(/\.cert$/, ".key");
      if (!names.includes(key)) {
        throw invalidParameter(
          `missing key ${key} for client certificate ${name}. CA certificates must use the extension .crt`,
        );
      }
      if (found.cert === undefined) [found.cert, found.key] = [read(name), read(key)];
    } else if (name.endsWith(".key") && !names.includes(name.replace(/\.key$/, ".cert"))) {
      throw invalidParameter(`missing client certificate ${name.replace(/\.key$/, ".cert")} for key ${name}`);
    } else if (name === "hosts.toml") {
      try {
        const { server, hosts } = parseHostsToml(read(name), path);
        if (server !== undefined) found.server = server;
        found.hosts = hosts;
      } catch (error) {
        log.warn("hosts.toml is not used", { path: join(path, name), error: messageOf(error) });
      }
    }
  }
  return found;
}
