/**
 * JSON text of an OCI spec or process. Limits of -1, "none", become RLIM_INFINITY: 64 ones, which a JavaScript number
 * cannot hold.
 */
export function ociJson(value: unknown): string {
  // Within a string the quotes would have backslashes before them, so only fields can match.
  return JSON.stringify(value).replace(/"(soft|hard)":-1(?=[,}])/g, '"$1":18446744073709551615');
}
