import type { ExecConfig } from "@berth/api";
import { conflict, invalidParameter, newId } from "@berth/base";
import type { Container } from "../container/container.ts";
import { containerEvent } from "../container/events.ts";
import type { EngineContext } from "../context.ts";
import type { Exec } from "./exec.ts";

/** @throws not-found; conflict when the container does not run, is paused or restarting. */
export function createExec(engine: EngineContext, reference: string, config: ExecConfig): Exec {
  const container = engine.containers.get(reference);
  checkExecutable(container, reference);
  engine.runtime.announce();
  const [path, ...args] = config.Cmd ?? [];
  if (path === undefined) throw invalidParameter("No exec command specified");
  for (const entry of config.Env ?? []) {
    if (entry === "" || entry.startsWith("=")) {
      throw invalidParameter(`invalid environment variable: ${entry}`);
    }
  }
  if (config.WorkingDir !== "" && !config.WorkingDir.startsWith("/")) {
    throw invalidParameter(
      `the working directory '${config.WorkingDir}' is invalid, it needs to be an absolute path`,
    );
  }
  return register(engine, container, config, { path, args });
}

export function register(
  engine: EngineContext,
  container: Container,
  config: ExecConfig,
  command: { path: string; args: string[] },
): Exec {
  const exec: Exec = {
    id: newId(),
    containerId: container.id,
    config,
    command,
    running: false,
    started: false,
    exitCode: null,
    pid: 0,
    onStarted: Promise.withResolvers(),
  };
  // Nobody may be waiting when the start fails.
  exec.onStarted.promise.catch(() => {});
  engine.execs.add(exec);
  container.execs.set(exec.id, exec);
  containerEvent(engine, container, `exec_create: ${describe(exec)}`, { execID: exec.id });
  return exec;
}

/** As Docker's events show a command: the program, a space, the arguments. */
export function describe(exec: Exec): string {
  return `${exec.command.path} ${exec.command.args.join(" ")}`;
}

/** `reference`: as the client named the container. */
export function checkExecutable(container: Container, reference: string): void {
  const { state } = container;
  if (!state.running) throw conflict(`Container ${container.id} is not running`);
  if (state.paused) throw conflict(`Container ${reference} is paused, unpause the container before exec`);
  if (state.restarting) {
    throw conflict(`Container ${container.id} is restarting, wait until the container is running`);
  }
}
