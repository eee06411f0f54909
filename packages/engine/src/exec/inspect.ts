import type { ExecInspect } from "@berth/api";
import type { EngineContext } from "../context.ts";

/** @throws not-found. */
export function inspectExec(engine: EngineContext, id: string): ExecInspect {
  const exec = engine.execs.get(id);
  const { config, command } = exec;
  return {
    ID: exec.id,
    Running: exec.running,
    ExitCode: exec.exitCode,
    ProcessConfig: {
      tty: config.Tty,
      entrypoint: command.path,
      arguments: command.args,
      privileged: config.Privileged,
      ...(config.User === "" ? {} : { user: config.User }),
    },
    OpenStdin: config.AttachStdin,
    OpenStderr: config.AttachStderr,
    OpenStdout: config.AttachStdout,
    CanRemove: false,
    ContainerID: exec.containerId,
    DetachKeys: Buffer.from(config.DetachKeys, "latin1").toString("base64"),
    Pid: exec.pid,
  };
}
