/** Versions of the programs that containers are run with, asked once when first wanted. */
export class ProgramVersions {
  readonly #known = new Map<string, Promise<{ version: string; commit: string }>>();

  /** `program`: its path. Empty strings when it cannot say. */
  of(program: string): Promise<{ version: string; commit: string }> {
    let known = this.#known.get(program);
    if (known === undefined) {
      known = ask(program);
      this.#known.set(program, known);
    }
    return known;
  }
}

async function ask(program: string): Promise<{ version: string; commit: string }> {
  try {
    const run = Bun.spawn([program, "--version"], { stdin: "ignore", stdout: "pipe", stderr: "ignore" });
    const timer = setTimeout(() => run.kill("SIGKILL"), 2000);
    const text = await run.stdout.text();
    await run.exited;
    clearTimeout(timer);
    return parseVersionText(text);
  } catch {
    return { version: "", commit: "" };
  }
}

/** The output of `runc --version`, `crun --version`, `tini --version`. */
export function parseVersionText(text: string): { version: string; commit: string } {
  const version = /version:?\s+v?(\S+)/.exec(text)?.[1] ?? "";
  const commit = /^commit:\s*(\S+)/m.exec(text)?.[1] ?? /- git\.(\S+)/.exec(text)?.[1] ?? "";
  return { version, commit };
}
