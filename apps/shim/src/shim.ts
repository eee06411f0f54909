import { join } from "node:path";
import { writeFileAtomic } from "@berth/base";
import { becomeSubreaper, exitNow, ignoreSignal, Loop, SIG, setProcessName, setsid } from "@berth/linux";
import { EXIT_FILE, type ExitRecord, removeShimFolder } from "@berth/runtime";
import { Children } from "./children.ts";
import { Connections } from "./connections.ts";
import { Container, readLaunch, toFailure } from "./container.ts";
import { standardStreamsToNull } from "./standard-streams.ts";

/** How long the daemon may take to store an exit before the shim leaves it on disk instead. */
const RECORD_PATIENCE_MS = 10_000;

/**
 * The life of one shim, in a process that was just forked. `directory`: its folder with `launch.json`;
 * `listener`: the listening `shim.sock`; `ports`: sockets of the published ports. Never returns.
 */
export function shimMain(directory: string, listener: number, ports: number[]): never {
  try {
    runShim(directory, listener, ports);
  } catch (error) {
    process.stderr.write(
      `berth shim ${directory}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
    exitNow(1);
  }
}

function runShim(directory: string, listener: number, ports: number[]): never {
  setsid();
  setProcessName("berth-shim");
  becomeSubreaper();
  ignoreSignal(SIG.PIPE);
  const launch = readLaunch(directory);
  const loop = new Loop();
  const children = new Children(loop);
  let patience: (() => void) | undefined;
  let record: ExitRecord | undefined;

  // The shim ends when its exit is safe and every client has all of the output.
  let flushed = false;
  let left = false;
  /** The daemon gave the container up while its process was coming or there. */
  let unwanted = false;
  const flush = () =>
    container.io.close(() => {
      flushed = true;
      if (left) exitNow(0);
    });
  const leave = () => {
    container.unmount();
    removeShimFolder(directory);
    connections.stopListening();
    container.removeInterfaces();
    left = true;
    if (flushed) exitNow(0);
    flush();
  };
  /** The exit is safe with the daemon, or now on disk. */
  const settle = (onDisk: boolean) => {
    if (record === undefined) return;
    patience?.();
    if (onDisk) writeFileAtomic(join(launch.dataDirectory, EXIT_FILE), JSON.stringify(record));
    record = undefined;
    leave();
  };
  const container: Container = new Container(loop, children, launch, directory, {
    ended: (exitRecord) => {
      record = exitRecord;
      flush();
      connections.exited(exitRecord);
    },
    exited: () => {
      if (unwanted) leave();
      else if (connections.controlled) patience = loop.timer(RECORD_PATIENCE_MS, () => settle(true));
      else settle(true);
    },
    execExited: (execId, exitCode) => connections.tell({ event: "exec-exit", execId, exitCode }),
  });
  const giveUp = () => {
    container.cleanUp();
    leave();
  };
  let failure: unknown;
  try {
    container.prepare(ports);
  } catch (error) {
    failure = error;
    container.cleanUp();
  }
  const connections: Connections = new Connections(
    loop,
    listener,
    container,
    failure === undefined ? undefined : toFailure(failure),
    {
      recorded: () => settle(false),
      abandoned: () => {
        unwanted = container.end();
        if (!unwanted) giveUp();
      },
      startFailed: giveUp,
      controlLost: () => settle(true),
    },
  );
  standardStreamsToNull();
  loop.run();
  exitNow(0);
}
