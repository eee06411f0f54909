/** Durations are nanoseconds; 0 or absent: inherit. */
export interface HealthConfig {
  Test?: string[] | null;
  Interval?: number;
  Timeout?: number;
  StartPeriod?: number;
  /** Since API 1.44. */
  StartInterval?: number;
  Retries?: number;
}

/**
 * The portable half of a container's configuration. Requests are decoded into this with Go's zero values
 * (`""`, 0, false, null) for what the client left out, so every field without `?` is present.
 */
export interface ContainerConfig {
  Hostname: string;
  Domainname: string;
  User: string;
  AttachStdin: boolean;
  AttachStdout: boolean;
  AttachStderr: boolean;
  /** Keys `80/tcp`. */
  ExposedPorts?: Record<string, object>;
  Tty: boolean;
  OpenStdin: boolean;
  StdinOnce: boolean;
  /** `NAME=value`; `NAME` alone removes an inherited variable. */
  Env: string[] | null;
  Cmd: string[] | null;
  Healthcheck?: HealthConfig;
  ArgsEscaped?: boolean;
  Image: string;
  Volumes: Record<string, object> | null;
  WorkingDir: string;
  /** null: the image's; empty list: none. */
  Entrypoint: string[] | null;
  NetworkDisabled?: boolean;
  /** Deprecated since API 1.44 in favour of the endpoint's. */
  MacAddress?: string;
  OnBuild: string[] | null;
  Labels: Record<string, string> | null;
  StopSignal?: string;
  /** Seconds. */
  StopTimeout?: number;
  Shell?: string[];
}
