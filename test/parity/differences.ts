/**
 * Where Berth answers otherwise than Docker 20.10.24, on purpose, with the reason. Everything else that differs fails `make parity`.
 * `docs/parity.md` is written from this list.
 */

/** A step whose answers differ as described. Both patterns must match, or the entry is out of date and fails. */
export interface KnownDifference {
  scenario: string;
  /** The command, as it stands in the scenario. */
  step: string;
  /** Tried on Docker's stdout, stderr and `exit N`, joined by line breaks. */
  docker: RegExp;
  berth: RegExp;
  reason: string;
}

/** A rewriting of both engines' output before they are compared, for what differs everywhere. */
export interface Rewriting {
  pattern: RegExp;
  replacement: string;
  reason: string;
}

export const REWRITINGS: readonly Rewriting[] = [];

export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [];
