import { type Output, standardOutput } from "./io/output.ts";
import { type Input, standardInput } from "./io/stdin.ts";

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

/** The call that this process is. */
export function invocationOfProcess(program: string, argv: readonly string[]): Invocation {
  return {
    program,
    argv,
    stdin: standardInput(),
    stdout: standardOutput(1),
    stderr: standardOutput(2),
    environment: process.env,
  };
}
