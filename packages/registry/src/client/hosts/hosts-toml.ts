import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { invalidParameter } from "@berth/base";

/** A host of containerd's `hosts.toml`. */
export interface TomlHost {
  url: string;
  capabilities: ReadonlySet<"pull" | "push">;
  ca: string[];
  cert?: string;
  key?: string;
  skipVerify: boolean;
  headers: Record<string, string>;
  /** The path of the URL is the whole prefix, with no `/v2` behind it. */
  overridePath: boolean;
}

interface TomlFile {
  server?: unknown;
  host?: Record<string, Record<string, unknown>>;
}

/**
 * Reads containerd's `hosts.toml`: `server` and `[host."URL"]` with `capabilities`, `ca`, `client`, `skip_verify`,
 * `header`, `override_path`. Paths are relative to `folder`. @throws when it is no such file, or names one that is not there.
 */
export function parseHostsToml(text: string, folder: string): { server?: string; hosts: TomlHost[] } {
  const file = Bun.TOML.parse(text) as TomlFile;
  const hosts = Object.entries(file.host ?? {}).map(([url, table]): TomlHost => {
    if (typeof table !== "object" || table === null) throw invalidParameter(`host.${url} is not a table`);
    const pems = (value: unknown) => texts(value).map((path) => readFileSync(resolve(folder, path), "utf8"));
    // A pair is one file with both, or a list [certificate, key].
    const pair = Array.isArray(table.client) ? table.client.flat() : table.client;
    const [cert, key = cert] = pems(pair);
    const capabilities = table.capabilities === undefined ? ["pull", "push"] : texts(table.capabilities);
    return {
      url,
      capabilities: new Set(
        capabilities.flatMap((each) => (each === "pull" || each === "push" ? [each] : [])),
      ),
      ca: pems(table.ca),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
      skipVerify: table.skip_verify === true,
      headers: headersOf(table.header),
      overridePath: table.override_path === true,
    };
  });
  return { ...(typeof file.server === "string" && file.server !== "" && { server: file.server }), hosts };
}

function texts(value: unknown): string[] {
  if (value === undefined) return [];
  const list = Array.isArray(value) ? value : [value];
  return list.map((each) => {
    if (typeof each !== "string") throw invalidParameter("expected a text, or a list of texts");
    return each;
  });
}

function headersOf(value: unknown): Record<string, string> {
  if (typeof value !== "object" || value === null) return {};
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, texts(each).join(", ")]));
}
