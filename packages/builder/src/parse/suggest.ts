/** Options that differ in fewer characters are taken for a slip of the keyboard. */
const LIMIT = 3;
const MAX_LENGTH = 64;

/**
 * The option that someone who wrote `value` probably meant, if any. An exact match gives none: then the value is not what
 * is wrong.
 */
export function suggest(
  value: string,
  options: Iterable<string>,
  caseSensitive: boolean,
): string | undefined {
  const fold = (text: string) => (caseSensitive ? text : text.toLowerCase());
  const wanted = fold(value);
  if (wanted.length > MAX_LENGTH) return undefined;
  let best: string | undefined;
  let bestDistance = LIMIT;
  for (const option of options) {
    const candidate = fold(option);
    if (candidate === wanted) return undefined;
    if (Math.abs(candidate.length - wanted.length) >= bestDistance) continue;
    const distance = editDistance(wanted, candidate);
    if (distance < bestDistance) {
      bestDistance = distance;
      best = option;
    }
  }
  return best;
}

/** `message (did you mean X?)`, or the message alone. */
export function withSuggestion(
  message: string,
  value: string,
  options: Iterable<string>,
  caseSensitive: boolean,
): string {
  const meant = suggest(value, options, caseSensitive);
  return meant === undefined ? message : `${message} (did you mean ${meant}?)`;
}

/** Levenshtein's distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
