import { type BerthError, systemError } from "@berth/base";

/**
 * Sentence of Go's archive/tar, which reaches the users of Docker: clients match on it. Docker takes a damaged archive for
 * a failure of its own (status 500). What exactly is wrong, and where, is the hint.
 */
export function invalidHeader(detail: string, position?: number): BerthError {
  const where = position === undefined ? "" : ` (header at byte ${position})`;
  return systemError("archive/tar: invalid tar header", {
    hint: `The archive is damaged: ${detail}${where}.`,
  });
}

/** The archive stops in the middle of a member. */
export function unexpectedEnd(position: number): BerthError {
  return systemError("unexpected EOF", { hint: `The archive is cut off after ${position} bytes.` });
}
