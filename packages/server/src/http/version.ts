import { API_VERSION, MINIMUM_API_VERSION } from "@berth/api";
import { invalidParameter } from "@berth/base";

/** The newest version's minor number: what requests without a prefix speak. */
export const NEWEST = Number(API_VERSION.split(".")[1]);

const PREFIX = /^\/v(\d[\d.]*)(\/.*)$/;

export interface VersionedPath {
  /** Minor number. */
  version: number;
  path: string;
}

/** Splits `/v1.41/info`. @throws invalid-parameter when the version is too new or too old. */
export function splitVersion(path: string): VersionedPath {
  const found = PREFIX.exec(path);
  if (found === null) return { version: NEWEST, path };
  const text = found[1] as string;
  if (compare(text, API_VERSION) > 0) {
    throw invalidParameter(
      `client version ${text} is too new. Maximum supported API version is ${API_VERSION}`,
    );
  }
  if (compare(text, MINIMUM_API_VERSION) < 0) {
    throw invalidParameter(
      `client version ${text} is too old. Minimum supported API version is ${MINIMUM_API_VERSION}, ` +
        "please upgrade your client to a newer version",
    );
  }
  return { version: Number(text.split(".")[1]), path: found[2] as string };
}

function compare(left: string, right: string): number {
  const a = left.split(".").map(Number);
  const b = right.split(".").map(Number);
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
