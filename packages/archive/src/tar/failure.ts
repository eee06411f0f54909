import { BerthError, systemError } from "@berth/base";

/**
 * Sentence of Go's archive/tar, which reaches the users of Docker: clients match on it. Docker takes a damaged archive for
 * a failure of its own (status 500). What exactly is wrong, and where, is the hint.
 */
export class DamagedArchive extends BerthError {
  readonly #detail: string;

  /** `position`: where the header begins that is wrong, when it is known. */
  constructor(detail: string, position?: number) {
    const where = position === undefined ? "" : ` (header at byte ${position})`;
    super("system", "archive/tar: invalid tar header", {
      hint: `The archive is damaged: ${detail}${where}.`,
    });
    this.#detail = detail;
  }

  at(position: number): DamagedArchive {
    return new DamagedArchive(this.#detail, position);
  }
}

export function invalidHeader(detail: string): DamagedArchive {
  return new DamagedArchive(detail);
}

/** The archive stops in the middle of a member. */
export function unexpectedEnd(position: number): BerthError {
  return systemError("unexpected EOF", { hint: `The archive is cut off after ${position} bytes.` });
}
