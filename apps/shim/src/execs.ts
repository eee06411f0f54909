import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { kill, type Loop, setWindowSize } from "@berth/linux";
import {
  type ExecRequest,
  type Failure,
  type LaunchFile,
  ociJson,
  resolveUser,
  type Started,
} from "@berth/runtime";
import { readBundle } from "./bundle.ts";
import type { Children } from "./children.ts";
import { runOci } from "./oci-process.ts";
import { ProcessIo } from "./process-io.ts";
import { Root } from "./rootfs.ts";

/** As long as `docker exec` waits for output that children of the ended process still hold open. */
const DRAIN_PATIENCE_MS = 2000;

interface Exec {
  io: ProcessIo;
  pid: number;
  size: { rows: number; columns: number } | undefined;
}

/** The processes that were added to the container with `exec`. */
export class Execs {
  readonly #execs = new Map<string, Exec>();
  readonly #loop: Loop;
  readonly #children: Children;
  readonly #launch: LaunchFile;
  readonly #directory: string;
  readonly #container: () => Started | undefined;
  readonly #onExit: (execId: string, exitCode: number) => void;
  #closed = false;

  constructor(
    loop: Loop,
    children: Children,
    launch: LaunchFile,
    directory: string,
    container: () => Started | undefined,
    onExit: (execId: string, exitCode: number) => void,
  ) {
    this.#loop = loop;
    this.#children = children;
    this.#launch = launch;
    this.#directory = directory;
    this.#container = container;
    this.#onExit = onExit;
  }

  /** `attach` is called with the process' stdio once it runs, before its first byte is read. */
  start(
    request: ExecRequest,
    done: (outcome: { pid: number; io: ProcessIo } | { error: Failure }) => void,
  ): void {
    const container = this.#container();
    if (container === undefined || this.#closed) {
      done({ error: { message: `Container ${this.#launch.id} is not running` } });
      return;
    }
    const processFile = join(this.#directory, `exec-${request.id.slice(0, 16)}.json`);
    try {
      writeFileSync(processFile, ociJson(this.#process(request, container.pid)), { mode: 0o600 });
    } catch (error) {
      done({ error: { message: (error as Error).message, exitCode: 126 } });
      return;
    }
    const io = new ProcessIo({ loop: this.#loop, tty: request.tty, stdinOnce: true });
    const exec: Exec = { io, pid: 0, size: request.consoleSize };
    this.#execs.set(request.id, exec);
    runOci(
      this.#loop,
      this.#children,
      {
        launch: this.#launch,
        phase: "exec",
        arguments: ["exec", "--detach", "--process", processFile],
        command: request.args[0] ?? "",
        pidFile: join(this.#directory, `exec-${request.id.slice(0, 16)}.pid`),
        tty: request.tty,
        stdin: request.attachStdin,
        stdout: request.attachStdout,
        stderr: request.attachStderr,
        consoleSize: request.consoleSize,
      },
      (outcome) => {
        rmSync(processFile, { force: true });
        if ("error" in outcome) {
          this.#execs.delete(request.id);
          done(outcome);
          return;
        }
        exec.pid = outcome.pid;
        done({ pid: outcome.pid, io });
        io.begin(outcome.io);
        if (exec.size && io.terminal >= 0) setWindowSize(io.terminal, exec.size);
        this.#children.onExit(outcome.pid, (code) => {
          io.ended(DRAIN_PATIENCE_MS, () => {
            this.#execs.delete(request.id);
            // The exit code goes first, so that whoever sees the stream's end can ask for it.
            this.#onExit(request.id, code);
            io.close(() => {});
          });
        });
      },
    );
  }

  kill(execId: string, signal: number): void {
    const exec = this.#execs.get(execId);
    if (exec && exec.pid > 0) kill(exec.pid, signal);
  }

  resize(execId: string, rows: number, columns: number): void {
    const exec = this.#execs.get(execId);
    if (exec === undefined) return;
    exec.size = { rows, columns };
    if (exec.io.terminal >= 0) setWindowSize(exec.io.terminal, exec.size);
  }

  close(): void {
    this.#closed = true;
  }

  /** OCI runtime-spec `process`: the container's confinement, the request's command. */
  #process(request: ExecRequest, containerPid: number): unknown {
    const base = readBundle(this.#directory).spec.process;
    using root = new Root(`/proc/${containerPid}/root`);
    const { uid, gid, additionalGids } = resolveUser(
      request.user,
      this.#launch.groupAdd,
      root.readText("/etc/passwd"),
      root.readText("/etc/group"),
    );
    return {
      ...base,
      terminal: request.tty,
      ...(request.consoleSize
        ? { consoleSize: { height: request.consoleSize.rows, width: request.consoleSize.columns } }
        : {}),
      user: { uid, gid, additionalGids },
      args: request.args,
      env: request.env,
      cwd: request.cwd,
      ...(request.capabilities ? { capabilities: request.capabilities } : {}),
    };
  }
}
