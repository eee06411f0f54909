import type { ConfigFile } from "../config/config-file.ts";

const VARIABLES = {
  httpProxy: "HTTP_PROXY",
  httpsProxy: "HTTPS_PROXY",
  ftpProxy: "FTP_PROXY",
  noProxy: "NO_PROXY",
  allProxy: "ALL_PROXY",
} as const;

/**
 * The variables of `--env`, one for each name (the last counts), with those that config.json's `proxies` adds for the
 * daemon at `host`, in capitals and small letters; what was given is not overridden.
 */
export function withProxies(env: readonly string[], config: ConfigFile, host: string): string[] {
  const variables = new Map<string, string>();
  for (const variable of env) {
    const at = variable.indexOf("=");
    variables.set(at < 0 ? variable : variable.slice(0, at), variable);
  }
  const proxies = config.proxies?.[host] ?? config.proxies?.default ?? {};
  for (const [field, name] of Object.entries(VARIABLES)) {
    const value = proxies[field as keyof typeof VARIABLES];
    if (!value) continue;
    for (const each of [name, name.toLowerCase()]) {
      if (!variables.has(each)) variables.set(each, `${each}=${value}`);
    }
  }
  return [...variables.values()];
}
