import type { Failure } from "../shim/protocol.ts";

/**
 * What an OCI runtime said when it could not start a process → Docker's sentence and exit status.
 * crun names libc's reasons, runc Go's; clients (and `docker run`'s exit status: 127 not found, 126 not executable) know runc's.
 */
export function explainFailure(
  runtime: string,
  log: string,
  command: string,
  phase: "create" | "exec",
): Failure {
  const said = lastMessage(log);
  const reason = commandFailure(said, command);
  if (phase === "exec") {
    const text = reason?.message ?? said;
    return {
      message: `OCI runtime exec failed: exec failed: unable to start container process: ${text}: unknown`,
      exitCode: reason?.exitCode ?? 126,
    };
  }
  const text = reason ? `unable to start container process: ${reason.message}` : said;
  const message = `failed to create shim task: OCI runtime create failed: ${runtime} create failed: ${text}: unknown`;
  return reason ? { message, exitCode: reason.exitCode } : { message };
}

function commandFailure(said: string, command: string): { message: string; exitCode: number } | undefined {
  const name = JSON.stringify(command);
  const path = command.includes("/");
  if (
    /executable file .* not found in \$PATH/.test(said) ||
    /exec: .*(no such file or directory|not found)/.test(said)
  ) {
    const detail = path ? `stat ${command}: no such file or directory` : "executable file not found in $PATH";
    return { message: `exec: ${name}: ${detail}`, exitCode: 127 };
  }
  if (
    /^open executable: (Permission denied|Operation not permitted)/.test(said) ||
    /exec: .*permission denied/.test(said)
  ) {
    return { message: `exec: ${name}: permission denied`, exitCode: 126 };
  }
  const directory = /^(?:chdir(?: to)?|cannot chdir to) `?([^`:]+)`?: (.+)$/.exec(said);
  if (directory)
    return {
      message: `chdir to cwd (${JSON.stringify(directory[1])}) set in config.json failed: ${directory[2]?.toLowerCase()}`,
      exitCode: 126,
    };
  return undefined;
}

/** The last message of a runtime's log, whether it is text or JSON. */
function lastMessage(log: string): string {
  const lines = log.split("\n").filter((line) => line.trim() !== "");
  for (const line of lines.reverse()) {
    if (!line.startsWith("{"))
      return line
        .replace(/^\d{4}-\d\d-\d\dT\S+ /, "")
        .replace(/^time=\S+ level=\S+ msg="?(.*?)"?$/, "$1")
        .replace(/^\[?error\]?:? ?/, "");
    try {
      const record = JSON.parse(line) as { msg?: unknown; level?: unknown };
      if (typeof record.msg === "string" && record.level !== "warning") return record.msg;
    } catch {
      return line;
    }
  }
  return "the runtime gave no reason";
}
