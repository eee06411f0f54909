import { BerthError, type Digest, type ErrorKind } from "@berth/base";
import type { SourceExcerpt } from "./builder.ts";

export interface BuildErrorDetails {
  kind?: ErrorKind;
  vertex?: Digest;
  vertexName?: string;
  source?: SourceExcerpt;
  /** Last lines that the step wrote. */
  output?: string;
  hint?: string;
  cause?: unknown;
  /** Exit status of the step's process. */
  exitCode?: number;
}

/** A build that failed by what it was asked to do, with the place in the Dockerfile. `message` has no source lines in it. */
export class BuildError extends BerthError {
  readonly vertex: Digest | undefined;
  readonly vertexName: string | undefined;
  source: SourceExcerpt | undefined;
  readonly output: string | undefined;
  /** Of the step's process. */
  readonly processExitCode: number | undefined;

  constructor(message: string, details: BuildErrorDetails = {}) {
    super(details.kind ?? "system", message, {
      ...(details.hint !== undefined && { hint: details.hint }),
      ...(details.cause !== undefined && { cause: details.cause }),
    });
    this.name = "BuildError";
    this.vertex = details.vertex;
    this.vertexName = details.vertexName;
    this.source = details.source;
    this.output = details.output;
    this.processExitCode = details.exitCode;
  }
}
