/** Numbers that look random and are the same in every run. */
export function randomFrom(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >> 8) % limit;
  };
}

/** A text of up to `longest` pieces. */
export function randomText(
  random: (limit: number) => number,
  pieces: readonly string[],
  longest: number,
): string {
  let text = "";
  for (let left = random(longest) + 1; left > 0; left--) text += pieces[random(pieces.length)]!;
  return text;
}
