/** A command that failed: what is printed, and the exit status. */
export class CommandError extends Error {
  readonly exitCode: number;
  /** Begin with the program's name, and point to the command's help, as Docker does for run. */
  readonly pointsToHelp: boolean;

  constructor(message: string, exitCode = 1, options: { pointsToHelp?: boolean; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "CommandError";
    this.exitCode = exitCode;
    this.pointsToHelp = options.pointsToHelp ?? false;
  }
}

/** Ends the command with a status and no further word. */
export class ExitStatus extends CommandError {
  constructor(exitCode: number) {
    super("", exitCode);
    this.name = "ExitStatus";
  }
}

/** stdout was closed by its reader (`| head`): no failure worth a word. */
export class OutputClosed extends Error {
  constructor() {
    super("output closed");
    this.name = "OutputClosed";
  }
}
