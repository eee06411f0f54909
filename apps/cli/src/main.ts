/**
 * The command line. Loads only the command that is asked for.
 * @param argv without the program's name.
 * @returns the exit status.
 */
export async function cliMain(argv: string[]): Promise<number> {
  const program = programName(process.argv0);
  if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-v")) {
    console.log(versionLine(program));
    return 0;
  }
  const [{ standardInput }, { standardOutput }, { run }] = await Promise.all([
    import("./io/stdin.ts"),
    import("./io/output.ts"),
    import("./run.ts"),
  ]);
  const status = await run({
    program,
    argv,
    stdin: standardInput(),
    stdout: standardOutput(1),
    stderr: standardOutput(2),
    environment: process.env,
  });
  // A read of stdin may still be waiting. All output has been taken by then.
  process.exit(status);
}

/** The form that scripts which call `docker --version` take apart. */
export function versionLine(program: string): string {
  const version = process.env.BERTH_VERSION ?? "0.1.0";
  const commit = process.env.BERTH_COMMIT ?? "unknown";
  return `${program === "docker" ? "Docker" : "Berth"} version ${version}, build ${commit}`;
}

/** `docker` when the executable is called so (by a link), else `berth`. */
export function programName(argv0: string): string {
  return argv0.slice(argv0.lastIndexOf("/") + 1) === "docker" ? "docker" : "berth";
}
