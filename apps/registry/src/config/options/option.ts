import type { Kind } from "../kinds.ts";

export interface Option<T> {
  /** In the file, by dots. */
  path: string;
  /** Empty: for the file and the environment only. */
  flag: string;
  kind: Kind<T>;
  fallback: T;
  help: string;
  /** A value that the log and errors must not show. */
  secret?: boolean;
}

export const option = <T>(
  path: string,
  flag: string,
  kind: Kind<T>,
  fallback: T,
  help: string,
  secret = false,
): Option<T> => ({ path, flag, kind, fallback, help, secret });
