/**
 * Measures commands in the namespaces it was started in: one request a line on stdin, one answer a line on stdout.
 * Each engine has its own worker, so that no engine pays for entering a namespace.
 */
export interface Request {
  argv: string[];
  /** Bytes of stdout to keep for the answer; the rest is read and thrown away. */
  keep?: number;
}

export interface Answer {
  milliseconds: number;
  exitCode: number;
  stdout: string;
  stderr: string;
}

function measure({ argv, keep = 0 }: Request): Answer {
  const started = Bun.nanoseconds();
  const child = Bun.spawnSync(argv, {
    stdin: "ignore",
    stdout: keep > 0 ? "pipe" : "ignore",
    stderr: "pipe",
  });
  const milliseconds = (Bun.nanoseconds() - started) / 1e6;
  return {
    milliseconds,
    exitCode: child.exitCode ?? 255,
    stdout: child.stdout?.toString().slice(0, keep) ?? "",
    stderr: child.stderr.toString().slice(-500),
  };
}

if (import.meta.main)
  for await (const line of console)
    if (line !== "") process.stdout.write(`${JSON.stringify(measure(JSON.parse(line) as Request))}\n`);
