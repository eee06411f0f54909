import type { ContainerCreateRequest } from "../types/container.ts";
import type { ContainerConfig, HealthConfig } from "../types/container-config.ts";
import type { ExecConfig, ExecStartRequest } from "../types/exec.ts";
import type { UpdateConfig } from "../types/host-config.ts";
import {
  boolean,
  consoleSize,
  type Decoder,
  type Fields,
  int,
  integer,
  list,
  map,
  omitEmpty,
  optional,
  string,
  stringOrList,
  stringSet,
  struct,
} from "./decoder.ts";
import { hostConfigDecoder, resourceFields, restartPolicyDecoder } from "./host-config.ts";
import { networkingConfigDecoder } from "./network.ts";

const duration = integer("time.Duration");

const healthConfig: Decoder<HealthConfig> = struct<HealthConfig>("HealthConfig", {
  Test: omitEmpty(list(string)),
  Interval: omitEmpty(duration),
  Timeout: omitEmpty(duration),
  StartPeriod: omitEmpty(duration),
  StartInterval: omitEmpty(duration),
  Retries: omitEmpty(int),
});

const configFields: Fields<ContainerConfig> = {
  Hostname: string,
  Domainname: string,
  User: string,
  AttachStdin: boolean,
  AttachStdout: boolean,
  AttachStderr: boolean,
  ExposedPorts: omitEmpty(stringSet),
  Tty: boolean,
  OpenStdin: boolean,
  StdinOnce: boolean,
  Env: list(string),
  Cmd: stringOrList,
  Healthcheck: optional(healthConfig),
  ArgsEscaped: omitEmpty(boolean),
  Image: string,
  Volumes: stringSet,
  WorkingDir: string,
  Entrypoint: stringOrList,
  NetworkDisabled: omitEmpty(boolean),
  MacAddress: omitEmpty(string),
  OnBuild: list(string),
  Labels: map(string),
  StopSignal: omitEmpty(string),
  StopTimeout: optional(int),
  Shell: omitEmpty(stringOrList),
};

/** POST /commit. */
export const containerConfigDecoder: Decoder<ContainerConfig> = struct("container.Config", configFields);

/** POST /containers/create. */
export const containerCreateDecoder: Decoder<ContainerCreateRequest> = struct<ContainerCreateRequest>(
  "runconfig.ContainerConfigWrapper",
  { ...configFields, HostConfig: hostConfigDecoder, NetworkingConfig: networkingConfigDecoder },
);

/** POST /containers/{id}/update. */
export const updateConfigDecoder: Decoder<UpdateConfig> = struct<UpdateConfig>("container.UpdateConfig", {
  ...resourceFields,
  RestartPolicy: restartPolicyDecoder,
});

/** POST /containers/{id}/exec. */
export const execConfigDecoder: Decoder<ExecConfig> = struct<ExecConfig>("types.ExecConfig", {
  User: string,
  Privileged: boolean,
  Tty: boolean,
  ConsoleSize: optional(consoleSize),
  AttachStdin: boolean,
  AttachStderr: boolean,
  AttachStdout: boolean,
  Detach: boolean,
  DetachKeys: string,
  Env: list(string),
  WorkingDir: string,
  Cmd: list(string),
});

/** POST /exec/{id}/start. */
export const execStartDecoder: Decoder<ExecStartRequest> = struct<ExecStartRequest>("types.ExecStartCheck", {
  Detach: boolean,
  Tty: boolean,
  ConsoleSize: optional(consoleSize),
});
