/** Settings of Docker's registry that Berth's does not have: what happens when they are given. */

/** They tune what does not exist here, or needs no setting. */
const WITHOUT_MEANING = [
  "version",
  "compatibility",
  "redis",
  "storage.cache",
  "storage.tag",
  "storage.maintenance.uploadpurging.interval",
  "storage.filesystem.maxthreads",
  "storage.s3.v4auth",
  "storage.s3.multipartcopychunksize",
  "storage.s3.multipartcopymaxconcurrency",
  "storage.s3.multipartcopythresholdsize",
  "storage.s3.useragent",
  "storage.s3.loglevel",
  "http.secret",
  "http.http2",
  "http.relativeurls",
  "log.reportcaller",
  "auth.none",
  "validation.enabled",
];

/** They would do something, which is not done. */
const WITHOUT_EFFECT = [
  "log.hooks",
  "reporting",
  "middleware",
  "storage.s3.accelerate",
  "storage.s3.usedualstack",
  "storage.s3.objectacl",
  "validation.manifests.indexes",
];

/** Going on without them would be another registry than the one that was asked for. */
const REFUSED: Record<string, string> = {
  "auth.silly": "it would let everybody in",
  "http.tls.letsencrypt": "give it a certificate that certbot or another client keeps",
  "storage.azure": "the storage is a folder or S3",
  "storage.gcs": "the storage is a folder or S3 (which Google's storage speaks too)",
  "storage.inmemory": "use a folder on a tmpfs",
  "storage.oss": "the storage is a folder or S3",
  "storage.swift": "the storage is a folder or S3 (which Swift speaks too)",
};

export type Foreign = { kind: "silent" | "warn" } | { kind: "refused"; why: string };

/** @param path by dots. @returns undefined when Docker's registry does not know it either. */
export function foreignSetting(path: string): Foreign | undefined {
  const isIn = (known: string) => path === known || path.startsWith(`${known}.`);
  const refused = Object.keys(REFUSED).find(isIn);
  if (refused !== undefined) return { kind: "refused", why: REFUSED[refused]! };
  if (WITHOUT_EFFECT.some(isIn)) return { kind: "warn" };
  return WITHOUT_MEANING.some(isIn) ? { kind: "silent" } : undefined;
}
