import { readFileSync, unlinkSync } from "node:fs";
import {
  accept4,
  closeQuietly,
  EPOLL,
  type Loop,
  listenUnix,
  O,
  open,
  pipe2,
  posixSpawn,
  recvmsg,
  setWindowSize,
  WOULD_BLOCK,
} from "@berth/linux";
import { explainFailure, type Failure, type LaunchFile } from "@berth/runtime";
import type { Children } from "./children.ts";
import type { ProcessDescriptors } from "./process-io.ts";

export interface OciRun {
  launch: LaunchFile;
  phase: "create" | "exec";
  /** Subcommand and its flags, without container id. */
  arguments: string[];
  /** Name of the command that is run, for error sentences. */
  command: string;
  pidFile: string;
  tty: boolean;
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  consoleSize?: { rows: number; columns: number } | undefined;
}

export type OciOutcome = { pid: number; io: ProcessDescriptors } | { error: Failure };

/**
 * Runs the OCI runtime so that it leaves a process behind (`run --detach`, `exec --detach`), whose stdio are our pipes or terminal.
 * `done` is called once; on failure nothing is left open. The process' exit must be awaited with `children.onExit(pid)` inside `done`.
 */
export function runOci(
  loop: Loop,
  children: Children,
  run: OciRun,
  done: (outcome: OciOutcome) => void,
): void {
  const log = `${run.pidFile}.log`;
  const consolePath = `${run.pidFile}.sock`;
  remove(log);
  remove(run.pidFile);
  const { launch } = run;
  const arguments_ = [
    ...launch.runtime.arguments,
    "--root",
    launch.runtimeRoot,
    "--log",
    log,
    ...run.arguments,
    "--pid-file",
    run.pidFile,
  ];
  const ours: number[] = [];
  const theirs: number[] = [];
  const io: { stdin?: number; stdout?: number; stderr?: number } = {};
  let terminal = -1;
  let console = -1;
  const closeAll = (fds: number[]) => {
    for (const fd of fds.splice(0)) closeQuietly(fd);
  };
  const stopConsole = () => {
    if (console < 0) return;
    loop.remove(console);
    closeQuietly(console);
    remove(consolePath);
    console = -1;
  };
  const takeTerminal = () => {
    const connection = console < 0 ? WOULD_BLOCK : accept4(console);
    if (connection === WOULD_BLOCK) return;
    terminal = recvmsg(connection, new Uint8Array(64), 1)?.descriptors[0] ?? -1;
    closeQuietly(connection);
    if (terminal >= 0 && run.consoleSize) setWindowSize(terminal, run.consoleSize);
    stopConsole();
  };
  const null_ = open("/dev/null", O.RDWR | O.CLOEXEC);
  theirs.push(null_);
  const stdio: [number, number, number] = [null_, null_, null_];
  if (run.tty) {
    remove(consolePath);
    console = listenUnix(consolePath);
    loop.add(console, EPOLL.IN, takeTerminal);
    arguments_.push("--console-socket", consolePath);
  } else {
    const pipe = (direction: "in" | "out") => {
      const ends = pipe2(O.CLOEXEC);
      const [our, their] = direction === "in" ? [ends.write, ends.read] : [ends.read, ends.write];
      ours.push(our);
      theirs.push(their);
      return [our, their] as const;
    };
    if (run.stdin) [io.stdin, stdio[0]] = pipe("in");
    if (run.stdout) [io.stdout, stdio[1]] = pipe("out");
    if (run.stderr) [io.stderr, stdio[2]] = pipe("out");
  }

  children.expect();
  let pid: number;
  try {
    pid = posixSpawn({
      path: launch.runtime.path,
      args: [launch.runtime.path, ...arguments_, launch.id],
      env: RUNTIME_ENVIRONMENT,
      descriptors: { 0: stdio[0], 1: stdio[1], 2: stdio[2] },
    });
  } catch (error) {
    children.settle();
    stopConsole();
    closeAll(ours);
    closeAll(theirs);
    done({ error: { message: `cannot run ${launch.runtime.path}: ${(error as Error).message}` } });
    return;
  }
  closeAll(theirs);
  children.onExit(pid, (code) => {
    takeTerminal();
    stopConsole();
    try {
      const child = code === 0 ? Number(readText(run.pidFile)) : 0;
      if (!(child > 0)) {
        closeAll(ours);
        if (terminal >= 0) closeQuietly(terminal);
        done({ error: explainFailure(launch.runtime.name, readText(log), run.command, run.phase) });
        return;
      }
      remove(run.pidFile);
      remove(log);
      done({ pid: child, io: run.tty ? { terminal } : io });
    } finally {
      children.settle();
    }
  });
}

/** What the OCI runtime itself needs; a container's environment is in its spec. */
const RUNTIME_ENVIRONMENT = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"];

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It is not there.
  }
}
