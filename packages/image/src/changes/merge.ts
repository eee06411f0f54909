import type { ContainerConfig } from "@berth/api";

/**
 * What `commit` stores: `asked` (the request's configuration with the changes applied), completed by the container's own.
 */
export function mergeForCommit(asked: ContainerConfig, container: ContainerConfig): ContainerConfig {
  const result: ContainerConfig = { ...asked };
  result.User = asked.User || container.User;
  result.WorkingDir = asked.WorkingDir || container.WorkingDir;
  const stopSignal = asked.StopSignal || container.StopSignal;
  if (stopSignal) result.StopSignal = stopSignal;
  const ports = { ...container.ExposedPorts, ...asked.ExposedPorts };
  if (Object.keys(ports).length > 0) result.ExposedPorts = ports;
  result.Env = mergeEnv(asked.Env, container.Env);
  result.Labels = { ...container.Labels, ...asked.Labels };
  result.Volumes =
    asked.Volumes === null || Object.keys(asked.Volumes).length === 0
      ? container.Volumes
      : { ...asked.Volumes, ...container.Volumes };
  if (!asked.Entrypoint?.length) {
    if (!asked.Cmd?.length) {
      result.Cmd = container.Cmd;
      if (container.ArgsEscaped !== undefined) result.ArgsEscaped = container.ArgsEscaped;
    }
    result.Entrypoint = asked.Entrypoint ?? container.Entrypoint;
  }
  if (container.Healthcheck !== undefined) {
    const theirs = container.Healthcheck;
    const own = asked.Healthcheck ?? {};
    const test = own.Test?.length ? own.Test : theirs.Test;
    result.Healthcheck = {
      ...(test ? { Test: test } : {}),
      ...(own.Interval || theirs.Interval ? { Interval: own.Interval || theirs.Interval! } : {}),
      ...(own.Timeout || theirs.Timeout ? { Timeout: own.Timeout || theirs.Timeout! } : {}),
      ...(own.StartPeriod || theirs.StartPeriod
        ? { StartPeriod: own.StartPeriod || theirs.StartPeriod! }
        : {}),
      ...(own.StartInterval || theirs.StartInterval
        ? { StartInterval: own.StartInterval || theirs.StartInterval! }
        : {}),
      ...(own.Retries || theirs.Retries ? { Retries: own.Retries || theirs.Retries! } : {}),
    };
  }
  return result;
}

function mergeEnv(asked: string[] | null, container: string[] | null): string[] | null {
  if (!asked?.length) return container;
  const nameOf = (entry: string) => entry.split("=", 1)[0]!;
  const names = new Set(asked.map(nameOf));
  return [...asked, ...(container ?? []).filter((entry) => !names.has(nameOf(entry)))];
}
