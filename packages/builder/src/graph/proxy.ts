const PROXIES = ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"];

/** An argument that every RUN knows without an ARG: in capitals, or without any. */
export function isProxyArgument(name: string): boolean {
  return PROXIES.some((each) => name === each || name === each.toLowerCase());
}

/** Proxy variables of RUN from the build arguments, in both spellings. They are in no image, history or cache key. */
export function proxyEnv(buildArgs: Readonly<Record<string, string>>): string[] {
  const env: string[] = [];
  for (const name of PROXIES) {
    const key = Object.keys(buildArgs)
      .sort()
      .findLast((each) => each.toUpperCase() === name);
    if (key === undefined) continue;
    env.push(`${name}=${buildArgs[key]}`, `${name.toLowerCase()}=${buildArgs[key]}`);
  }
  return env;
}
