import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nowNanoseconds, rfc3339Nano } from "@berth/base";
import {
  closeQuietly,
  Loop,
  listenUnix,
  O,
  open,
  pipe2,
  posixSpawn,
  read,
  setNonBlocking,
  waitpid,
  write,
} from "@berth/linux";
import { JsonFileWriter } from "@berth/logging";
import { warmUpNetwork } from "@berth/network";
import { LineReader, resolveUser } from "@berth/runtime";
import { ProcessIo } from "./process-io.ts";

/**
 * Runs once in the shim-server what every shim does, so that forked shims share the code that was loaded and the memory that was
 * laid out for it (copy-on-write) instead of each making its own. Leaves nothing behind.
 */
export function warmUp(): void {
  const folder = mkdtempSync(join(tmpdir(), "berth-warm-up-"));
  try {
    using loop = new Loop();
    warmUpNetwork(loop);
    const path = join(folder, "launch.json");
    writeFileSync(
      path,
      JSON.stringify({ id: "0".repeat(64), spec: { process: { args: ["true"], env: ["PATH=/bin"] } } }),
      { mode: 0o600 },
    );
    const text = readFileSync(path, "utf8");
    new LineReader().push(Buffer.from(`${text}\n`), (line) => JSON.parse(line));
    resolveUser("root", [], "root:x:0:0:root:/root:/bin/sh\n", "root:x:0:root\n");
    closeQuietly(listenUnix(join(folder, "socket")));
    waitpid(posixSpawn({ path: "/bin/true", args: ["true"], env: [], devNull: [0, 1, 2] }));

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
