/**
 * What the daemon and a shim say to each other over `shim.sock`. The first line of a connection tells what it is;
 * lines are JSON ended by a newline, at most `LINE_LIMIT` bytes.
 *
 *   control   requests of the daemon with answers, and events of the shim; one at a time
 *   attach    one answer line, then Docker's stream in both directions
 *   exec      as attach, for a process that is started by it
 */
import type { ExecRequest, ExitRecord } from "../runtime.ts";

export const LINE_LIMIT = 4 * 1024 * 1024;

export type Hello =
  | { op: "control" }
  | { op: "attach"; stdin: boolean; stdout: boolean; stderr: boolean }
  | { op: "exec"; request: ExecRequest };

export interface Failure {
  message: string;
  /** 125, 126 or 127 when a command could not be run. */
  exitCode?: number;
}

/** First line of an attach or exec connection from the shim. */
export type StreamAnswer = { ok: true; pid: number } | { error: Failure };

export type ControlRequest =
  /** `attaches`: streams that must be attached before the process runs. */
  | { op: "start"; attaches: number }
  | { op: "kill"; signal: number; execId?: string }
  | { op: "resize"; rows: number; columns: number; execId?: string }
  | { op: "connect-endpoint"; plan: unknown }
  /** `gateways`: default routes that other endpoints carry then. */
  | { op: "disconnect-endpoint"; endpointId: string; gateways?: unknown }
  /** The published ports from now on. */
  | { op: "ports"; ports: unknown }
  /** The whole network as it should be. */
  | { op: "sync-network"; plan: unknown; ports: unknown }
  | { op: "dns"; plan: unknown }
  /** The daemon has stored the exit record: the shim need not leave it on disk. */
  | { op: "recorded" }
  | { op: "abandon" };

export interface Started {
  pid: number;
  /** RFC 3339. */
  startedAt: string;
}

export type ControlMessage =
  /** The sandbox stands; requests that came before are answered from now on. `started` is there when the container runs already (a daemon came back). */
  | { event: "ready"; started: Started | null }
  | { event: "failed"; error: Failure }
  | { event: "exit"; record: ExitRecord }
  | { event: "exec-exit"; execId: string; exitCode: number }
  | { id: number; ok: true; result: unknown }
  | { id: number; error: Failure };

/** Flag of `berth shim-server`: the host is cgroup hybrid, and crun refuses to run where it sees the unified half. */
export const HIDE_UNIFIED_CGROUP = "--hide-unified-cgroup";

/** What the daemon sends to the shim-server for a launch; descriptors go with it: the listening socket, then the port sockets. */
export interface LaunchMessage {
  /** Folder with `launch.json`; the shim's own folder. Absent: a launch or an exec will come soon. */
  directory?: string;
}

/** Splits a byte stream into lines; what follows after `stop()` is given back as raw bytes. */
export class LineReader {
  #parts: Uint8Array[] = [];
  #size = 0;
  #stopped = false;

  /** Calls `onLine` for each whole line; after `stop` was called inside it, returns the bytes that remain. @throws when a line is too long. */
  push(chunk: Uint8Array, onLine: (line: string) => void): Uint8Array | undefined {
    let rest = chunk;
    for (;;) {
      if (this.#stopped) return rest;
      const end = rest.indexOf(0x0a);
      if (end < 0) break;
      this.#add(rest.subarray(0, end));
      rest = rest.subarray(end + 1);
      const line = Buffer.concat(this.#parts).toString("utf8");
      this.#parts = [];
      this.#size = 0;
      onLine(line);
    }
    if (rest.length > 0) this.#add(rest.slice());
    return undefined;
  }

  stop(): void {
    this.#stopped = true;
  }

  #add(part: Uint8Array): void {
    this.#size += part.length;
    if (this.#size > LINE_LIMIT) throw new Error("shim protocol: line too long");
    this.#parts.push(part);
  }
}
