/** Commands that are programs of their own, as they are called (quick.ts). */
export const QUICK_NAMES: readonly string[] = ["build", "exec", "images", "ps", "rm", "run", "start", "stop"];
