/** Running programs and collecting what they say. */

export interface CommandOptions {
  stdin?: string | Uint8Array;
  env?: Record<string, string>;
  cwd?: string;
  /** The program is killed after so many seconds, and the call throws. */
  seconds?: number;
}

export interface CommandResult {
  /** 128 + signal number for a program that a signal ended. */
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** Environment of every program that tests start: nothing of the user's own settings. */
export function baseEnvironment(home: string): Record<string, string> {
  return {
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    HOME: home,
    LANG: "C.UTF-8",
    TERM: "dumb",
    TZ: "UTC",
    DOCKER_CONFIG: `${home}/.docker`,
    DOCKER_CLI_HINTS: "false",
  };
}

/** Runs a program to its end. A failing exit status is a result, not an error. @throws when it does not end in time. */
export async function run(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const seconds = options.seconds ?? 60;
  const child = Bun.spawn([...argv], {
    stdin:
      options.stdin === undefined
        ? "ignore"
        : typeof options.stdin === "string"
          ? Buffer.from(options.stdin)
          : options.stdin,
    stdout: "pipe",
    stderr: "pipe",
    // A group of its own, so that a shell is killed together with what it started.
    detached: true,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: options.env ?? process.env,
  });
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      child.kill("SIGKILL");
    }
  }, seconds * 1000);
  try {
    const [stdout, stderr] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    await child.exited;
    if (timedOut)
      throw new Error(
        `not finished after ${seconds} s: ${argv.join(" ")}\nstdout: ${stdout.slice(-2000)}\nstderr: ${stderr.slice(-2000)}`,
      );
    return { exitCode: exitCodeOf(child), stdout, stderr };
  } finally {
    clearTimeout(timer);
  }
}

function exitCodeOf(child: Bun.Subprocess): number {
  if (child.exitCode !== null) return child.exitCode;
  return 128 + (SIGNALS[child.signalCode ?? ""] ?? 0);
}

const SIGNALS: Record<string, number> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGTERM: 15,
};

/** As `run`, and a failing exit status is an error. */
export async function runOk(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const result = await run(argv, options);
  if (result.exitCode !== 0)
    throw new Error(
      `${argv.join(" ")}: exit status ${result.exitCode}\nstdout: ${result.stdout.slice(-2000)}\nstderr: ${result.stderr.slice(-2000)}`,
    );
  return result;
}
