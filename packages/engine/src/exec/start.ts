import type { ConsoleSize } from "@berth/api";
import { BerthError, conflict, invalidParameter } from "@berth/base";
import type { ExecRequest, ShimStream } from "@berth/runtime";
import type { Container } from "../container/container.ts";
import { processEnvironment } from "../container/environment.ts";
import { containerEvent } from "../container/events.ts";
import type { EngineContext } from "../context.ts";
import { checkExecutable, describe } from "./create.ts";
import type { Exec } from "./exec.ts";

export interface ExecAttachOptions {
  tty: boolean;
  consoleSize?: ConsoleSize;
}

/** What a start would refuse. @throws not-found, conflict. */
export function checkStartable(engine: EngineContext, id: string): { exec: Exec; container: Container } {
  const exec = engine.execs.get(id);
  if (exec.exitCode !== null) {
    throw conflict(`Error: Exec command ${id} has already run`);
  }
  if (exec.started) throw conflict(`Error: Exec command ${id} is already running`);
  const container = engine.containers.get(exec.containerId);
  checkExecutable(container, container.id);
  return { exec, container };
}

/**
 * Runs the process. `exited` resolves with its exit code, after the event.
 * @throws BerthError with `exitCode` 126 or 127 and the OCI runtime's sentence when the command cannot run.
 */
export async function startExec(
  engine: EngineContext,
  id: string,
  size: ConsoleSize | undefined,
): Promise<{ stream: ShimStream; exited: Promise<number> }> {
  const { exec, container } = checkStartable(engine, id);
  const shim = container.shim;
  if (shim === undefined) throw conflict(`Container ${container.id} is not running`);
  exec.started = true;
  containerEvent(engine, container, `exec_start: ${describe(exec)}`, { execID: exec.id });
  try {
    const { pid, stream, exited } = await shim.exec(requestOf(engine, container, exec, size));
    exec.pid = pid;
    exec.running = true;
    exec.onStarted.resolve();
    return { stream, exited: exited.then((exitCode) => ended(engine, container, exec, exitCode)) };
  } catch (error) {
    exec.running = false;
    exec.exitCode = (error instanceof BerthError ? error.exitCode : undefined) ?? 126;
    exec.endedAt = Date.now();
    container.execs.delete(exec.id);
    exec.onStarted.reject(error);
    throw error;
  }
}

function ended(engine: EngineContext, container: Container, exec: Exec, exitCode: number): number {
  if (exec.exitCode !== null) return exec.exitCode;
  exec.running = false;
  exec.exitCode = exitCode;
  exec.endedAt = Date.now();
  container.execs.delete(exec.id);
  containerEvent(engine, container, "exec_die", { execID: exec.id, exitCode: String(exitCode) });
  return exitCode;
}

/** Who was attached to an exec left it with the detach keys. */
export function execDetached(engine: EngineContext, id: string): void {
  const exec = engine.execs.get(id);
  const container = engine.containers.find(exec.containerId);
  if (container !== undefined) containerEvent(engine, container, "exec_detach", { execID: id });
}

/** The container ended, and with it every process in it. */
export function endAllExecs(engine: EngineContext, container: Container): void {
  for (const exec of [...container.execs.values()]) {
    if (exec.running) ended(engine, container, exec, 137);
    container.execs.delete(exec.id);
  }
}

function requestOf(
  engine: EngineContext,
  container: Container,
  exec: Exec,
  size: ConsoleSize | undefined,
): ExecRequest {
  const { config: asked, command } = exec;
  const { config } = container.record;
  const [rows, columns] = size ?? asked.ConsoleSize ?? [0, 0];
  return {
    id: exec.id,
    args: [command.path, ...command.args],
    env: processEnvironment(engine, container, asked.Tty, asked.Env ?? []),
    cwd: asked.WorkingDir || config.WorkingDir || "/",
    user: asked.User || config.User,
    tty: asked.Tty,
    attachStdin: asked.AttachStdin,
    attachStdout: asked.AttachStdout,
    attachStderr: asked.AttachStderr,
    ...(asked.Privileged ? { capabilities: engine.allCapabilities() } : {}),
    ...(asked.Tty && rows > 0 && columns > 0 ? { consoleSize: { rows, columns } } : {}),
  };
}

/** How long a resize waits for its exec to start, milliseconds. */
const RESIZE_WAIT = 10_000;

/** @throws not-found, conflict. */
export async function resizeExec(
  engine: EngineContext,
  id: string,
  rows: number,
  columns: number,
): Promise<void> {
  const exec = engine.execs.get(id);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(invalidParameter("timeout waiting for exec session ready")), RESIZE_WAIT);
  });
  try {
    await Promise.race([exec.onStarted.promise, late]);
  } finally {
    clearTimeout(timer);
  }
  const container = engine.containers.get(exec.containerId);
  if (!exec.running || container.shim === undefined) {
    throw conflict(`Container ${exec.containerId} is not running`);
  }
  await container.shim.resize(rows, columns, id);
}
