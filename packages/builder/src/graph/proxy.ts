const PROXIES = ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"];

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
