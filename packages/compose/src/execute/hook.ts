import { systemError } from "@berth/base";
import { demultiplex, execCreate, execInspect, execStart } from "@berth/client";
import { environmentOf } from "../container/body.ts";
import type { Operation } from "../plan/operation.ts";
import type { Performer } from "./perform.ts";

/** A command of `post_start` or `pre_stop`, in the container. @throws system when it does not end with 0. */
export async function runHook(
  context: Performer,
  operation: Extract<Operation, { kind: "hook" }>,
  signal: AbortSignal,
): Promise<void> {
  const { client, index } = context;
  const hook = context.target.project.services[operation.service]?.[operation.when]?.[operation.index];
  const container = index.find(operation.container);
  if (hook === undefined || container === undefined) return;
  const { Id: id } = await execCreate(client, container.id, {
    AttachStdout: true,
    AttachStderr: true,
    Cmd: hook.command ?? null,
    User: hook.user ?? "",
    Privileged: hook.privileged ?? false,
    WorkingDir: hook.working_dir ?? "",
    Env: environmentOf(hook.environment),
  });
  const stream = await execStart(client, id, { Tty: false }, { signal });
  try {
    for await (const frame of demultiplex(stream)) context.onHookOutput?.(operation.container, frame.bytes);
  } finally {
    stream.destroy();
  }
  const { ExitCode: code } = await execInspect(client, id);
  if (code !== 0) throw systemError(`${operation.service} hook exited with status ${code}`);
}
