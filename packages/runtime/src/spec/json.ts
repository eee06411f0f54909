/**
 * JSON text of an OCI spec or process. Limits of -1, "none", become RLIM_INFINITY: 64 ones, which a JavaScript number
 * cannot hold. What a client wrote as the largest 64-bit number stays that: JavaScript's nearest is too large for the runtimes.
 */
export function ociJson(value: unknown): string {
  // Within a string the quotes would have backslashes before them, so only fields can match.
  return JSON.stringify(value)
    .replace(/"(soft|hard)":-1(?=[,}])/g, '"$1":18446744073709551615')
    .replace(/(?<!\\)":9223372036854776000(?=[,}])/g, '":9223372036854775807');
}
