/** The newest Engine API that this client speaks, and what a daemon that tells no version is taken to speak. */
export const CLIENT_API_VERSION = "1.51";
const FALLBACK_API_VERSION = "1.24";

/** Whether version `a` (`1.44`) is older than `b`. */
export function versionLessThan(a: string, b: string): boolean {
  const [majorA = 0, minorA = 0] = a.split(".").map(Number);
  const [majorB = 0, minorB = 0] = b.split(".").map(Number);
  return majorA !== majorB ? majorA < majorB : minorA < minorB;
}

/** What to speak with a daemon whose newest version is `server` (of its `Api-Version` header). */
export function negotiate(server: string | undefined): string {
  const offered = server !== undefined && /^\d{1,3}\.\d{1,4}$/.test(server) ? server : FALLBACK_API_VERSION;
  return versionLessThan(offered, CLIENT_API_VERSION) ? offered : CLIENT_API_VERSION;
}
