import type { ConsoleSize, ExecConfig, ExecInspect } from "@berth/api";
import type { Attachment } from "../streams.ts";

export interface ExecStartOptions {
  tty: boolean;
  consoleSize?: ConsoleSize;
}

export interface ExecAttachment extends Attachment {
  /** Its exit code, known about when the stream ends. It never rejects. */
  readonly exited: Promise<number>;
}

/** What the exec router needs. Every method throws not-found `No such exec instance: x`. */
export interface ExecBackend {
  /** @returns the new exec's id. @throws not-found, conflict when the container does not run or is paused. */
  create(container: string, config: ExecConfig): Promise<string>;
  inspect(id: string): Promise<ExecInspect>;
  /** What a start would refuse before anything is sent: unknown exec, container stopped or paused. */
  checkStartable(id: string): Promise<void>;
  /** Starts it without streams; resolves when it was started. */
  startDetached(id: string): Promise<void>;
  /** Starts it; what is written before the process runs is kept for it. @throws BerthError as `docker exec` prints it. */
  startAttached(id: string, options: ExecStartOptions, signal: AbortSignal): Promise<ExecAttachment>;
  resize(id: string, rows: number, columns: number): Promise<void>;
}
