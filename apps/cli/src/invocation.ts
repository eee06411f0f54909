import type { Output } from "./io/output.ts";
import type { Input } from "./io/stdin.ts";

/** One call of the program: what it was given, and where its output goes. */
export interface Invocation {
  program: string;
  argv: readonly string[];
  stdin: Input;
  stdout: Output;
  stderr: Output;
  environment: Readonly<Record<string, string | undefined>>;
  /** Instead of asking the system. */
  isTerminal?: (fd: number) => boolean;
}
