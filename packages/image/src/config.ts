import type { ContainerConfig } from "@berth/api";
import type { ImageRuntimeConfig } from "@berth/spec";

/** An image's configuration with Go's zero values, in the order of Docker's answers. */
export function toContainerConfig(config: ImageRuntimeConfig | undefined): ContainerConfig {
  const c = (config ?? {}) as Partial<ContainerConfig>;
  return {
    Hostname: c.Hostname ?? "",
    Domainname: c.Domainname ?? "",
    User: c.User ?? "",
    AttachStdin: c.AttachStdin ?? false,
    AttachStdout: c.AttachStdout ?? false,
    AttachStderr: c.AttachStderr ?? false,
    ...(c.ExposedPorts && Object.keys(c.ExposedPorts).length > 0 && { ExposedPorts: c.ExposedPorts }),
    Tty: c.Tty ?? false,
    OpenStdin: c.OpenStdin ?? false,
    StdinOnce: c.StdinOnce ?? false,
    Env: c.Env ?? null,
    Cmd: c.Cmd ?? null,
    ...(c.Healthcheck && { Healthcheck: c.Healthcheck }),
    ...(c.ArgsEscaped && { ArgsEscaped: true }),
    Image: c.Image ?? "",
    Volumes: c.Volumes ?? null,
    WorkingDir: c.WorkingDir ?? "",
    Entrypoint: c.Entrypoint ?? null,
    ...(c.NetworkDisabled && { NetworkDisabled: true }),
    ...(c.MacAddress && { MacAddress: c.MacAddress }),
    OnBuild: c.OnBuild ?? null,
    Labels: c.Labels ?? null,
    ...(c.StopSignal && { StopSignal: c.StopSignal }),
    ...(c.StopTimeout !== undefined && { StopTimeout: c.StopTimeout }),
    ...(c.Shell?.length && { Shell: c.Shell }),
  };
}
