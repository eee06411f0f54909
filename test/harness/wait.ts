/** Waiting for conditions: tests never wait for time. */

/**
 * Calls `probe` until it returns something truthy, and returns that. A probe that throws counts as "not yet".
 * @throws after `seconds`, with `what` and the probe's last error or value.
 */
export async function eventually<T>(
  what: string,
  probe: () => T | Promise<T>,
  seconds = 20,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + seconds * 1000;
  for (let pause = 2; ; pause = Math.min(pause * 2, 100)) {
    let last: unknown;
    try {
      last = await probe();
      if (last) return last as NonNullable<T>;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) {
      const seen = last instanceof Error ? last.message : JSON.stringify(last);
      throw new Error(`not within ${seconds} s: ${what} (last: ${seen})`);
    }
    await Bun.sleep(pause);
  }
}
