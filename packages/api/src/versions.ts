/** Highest and lowest Engine API version spoken. 1.22 is what Debian's skopeo, podman and buildah ask for. */
export const API_VERSION = "1.51";
export const MINIMUM_API_VERSION = "1.22";

/** Minor number of `1.41`. The major number is 1 in every version there is. */
export type ApiVersion = number;

/** @returns the minor number; undefined when the text is not `1.<number>`. */
export function parseApiVersion(text: string): ApiVersion | undefined {
  const found = /^1\.(\d{1,4})$/.exec(text);
  return found === null ? undefined : Number(found[1]);
}
