import type { Entry } from "./entry.ts";

/** Commands on image. A colleague of the container commands' author is writing them. */
export const IMAGE_COMMANDS: readonly Entry[] = [];
