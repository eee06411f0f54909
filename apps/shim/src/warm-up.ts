import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nowNanoseconds, rfc3339Nano } from "@berth/base";
import {
  AF,
  closeQuietly,
  connect,
  Loop,
  listenUnix,
  O,
  open,
  pipe2,
  read,
  SOCK,
  setNonBlocking,
  socket,
  write,
  writeAll,
} from "@berth/linux";
import { JsonFileWriter } from "@berth/logging";
import { type SandboxPlan, warmUpNetwork } from "@berth/network";
import { type LaunchFile, resolveUser, SHIM_FILES } from "@berth/runtime";
import { Children } from "./children.ts";
import { Connections } from "./connections.ts";
import { Container, readLaunch } from "./container.ts";
import { ProcessIo } from "./process-io.ts";

/** A container whose runtime fails, started over a control connection as the daemon does it. */
function rehearseStart(loop: Loop, folder: string): void {
  const launch: LaunchFile = {
    id: "0".repeat(64),
    dataDirectory: folder,
    groupAdd: [],
    tty: false,
    openStdin: false,
    stdinOnce: false,
    log: {
      driver: "json-file",
      path: join(folder, "start.log"),
      maxSize: 0,
      maxFiles: 1,
      compress: false,
      attributes: {},
    },
    network: { mode: "none", endpoints: [] } satisfies SandboxPlan,
    ports: [],
    runtime: { name: "false", path: "/bin/false", arguments: [] },
    runtimeRoot: folder,
    command: "true",
    reachesHost: false,
    ownProcesses: true,
  };
  writeFileSync(join(folder, SHIM_FILES.launch), JSON.stringify(launch), { mode: 0o600 });
  using children = new Children(loop);
  const container = new Container(loop, children, readLaunch(folder), folder, {
    ended: () => {},
    exited: () => {},
    execExited: () => {},
  });
  const path = join(folder, SHIM_FILES.socket);
  let ended = false;
  const connections = new Connections(loop, listenUnix(path), container, {
    recorded: () => {},
    abandoned: () => {},
    startFailed: () => {
      ended = true;
    },
    controlLost: () => {},
  });
  connections.prepared();
  const client = socket(AF.UNIX, SOCK.STREAM);
  try {
    connect(client, { family: "unix", path });
    writeAll(client, Buffer.from(`${JSON.stringify({ op: "control" })}\n`));
    for (let turn = 0; turn < 3; turn++) loop.turn(0);
    writeAll(client, Buffer.from(`${JSON.stringify({ op: "start", id: 1, attaches: 0 })}\n`));
    for (let turn = 0; !ended && turn < 50; turn++) loop.turn(20);
    container.cleanUp();
  } finally {
    closeQuietly(client);
    for (let turn = 0; turn < 3; turn++) loop.turn(0);
    connections.stopListening();
  }
}

/**
 * Runs once in the shim-server what every shim does, so that forked shims share the code that was loaded and the memory that was
 * laid out for it (copy-on-write) instead of each making its own. Leaves nothing behind.
 */
export function warmUp(): void {
  const folder = mkdtempSync(join(tmpdir(), "berth-warm-up-"));
  try {
    using loop = new Loop();
    warmUpNetwork(loop);
    resolveUser("root", [], "root:x:0:0:root:/root:/bin/sh\n", "root:x:0:root\n");
    rehearseStart(loop, folder);
    using log = new JsonFileWriter(join(folder, "log"), { maxSize: 0, maxFiles: 1, attributes: {} });
    const io = new ProcessIo({ loop, tty: false, stdinOnce: true, log });
    const output = pipe2(O.CLOEXEC);
    const client = pipe2(O.CLOEXEC);
    setNonBlocking(client.write);
    io.attach(client.write, { stdin: false, stdout: true, stderr: true }, new Uint8Array(0));
    io.begin({ stdout: output.read });
    for (let i = 0; i < 20; i++) {
      write(output.write, Buffer.from(`${rfc3339Nano(nowNanoseconds())} warm up\n`));
      loop.turn(0);
    }
    closeQuietly(output.write);
    io.ended(0, () => {});
    io.close(() => {});
    for (let i = 0; i < 5; i++) loop.turn(0);
    const fd = open("/dev/null", O.RDONLY);
    read(fd, new Uint8Array(1));
    closeQuietly(fd);
    closeQuietly(client.read);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  Bun.gc(true);
}
