import { isDockerCompose, programName, versionLine } from "./version.ts";

/**
 * The command line. Loads only the command that is asked for.
 * @param argv without the program's name.
 * @returns the exit status.
 */
export async function cliMain(argv: string[]): Promise<number> {
  if (isDockerCompose(process.argv0)) {
    const { wordsOfDockerCompose } = await import("./compose/version.ts");
    return main("docker", wordsOfDockerCompose(argv));
  }
  return main(programName(process.argv0), argv);
}

async function main(program: string, argv: string[]): Promise<number> {
  if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-v")) {
    console.log(versionLine(program));
    return 0;
  }
  const [{ invocationOfProcess }, { run }] = await Promise.all([
    import("./invocation.ts"),
    import("./run.ts"),
  ]);
  const status = await run(invocationOfProcess(program, argv));
  // A read of stdin may still be waiting. All output has been taken by then.
  process.exit(status);
}
