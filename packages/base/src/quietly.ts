/** For what may fail and need not be told: what `action` gives, or undefined when it throws. */
export function quietly<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}
