import type { ConsoleSize } from "./common.ts";

/** POST /containers/{id}/exec. */
export interface ExecConfig {
  User: string;
  Privileged: boolean;
  Tty: boolean;
  /** Since API 1.42. */
  ConsoleSize?: ConsoleSize;
  AttachStdin: boolean;
  AttachStderr: boolean;
  AttachStdout: boolean;
  Detach: boolean;
  DetachKeys: string;
  Env: string[] | null;
  WorkingDir: string;
  Cmd: string[] | null;
}

/** POST /exec/{id}/start. */
export interface ExecStartRequest {
  Detach: boolean;
  Tty: boolean;
  ConsoleSize?: ConsoleSize;
}

export interface ExecInspect {
  ID: string;
  Running: boolean;
  /** null until it ended. */
  ExitCode: number | null;
  ProcessConfig: {
    tty: boolean;
    entrypoint: string;
    arguments: string[];
    privileged: boolean;
    user?: string;
  };
  OpenStdin: boolean;
  OpenStderr: boolean;
  OpenStdout: boolean;
  CanRemove: boolean;
  ContainerID: string;
  /** Go encodes bytes as base64. */
  DetachKeys: string;
  Pid: number;
}
