import { DockerfileError } from "../parse/error.ts";

const POWERS: Readonly<Record<string, number>> = { "": 0, k: 1, m: 2, g: 3, t: 4, p: 5 };

/** `64m`, `1.5GiB`, `1024`: bytes, with powers of 1024. @throws DockerfileError. */
export function parseSize(text: string, key: string): number {
  const match = /^(\d{1,15}(?:\.\d{1,15})?) ?([kmgtp]?)(?:i?b)?$/i.exec(text);
  const bytes = match === null ? Number.NaN : Number(match[1]) * 1024 ** POWERS[match[2]!.toLowerCase()]!;
  if (!Number.isSafeInteger(Math.trunc(bytes))) {
    throw new DockerfileError(`invalid value for ${key}: ${text}`);
  }
  return Math.trunc(bytes);
}
