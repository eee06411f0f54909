import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newId } from "@berth/base";
import { cgroupMode } from "@berth/linux";
import {
  type ExitRecord,
  type Launch,
  OciRuntimes,
  type Shim,
  ShimRuntime,
  type ShimStream,
} from "@berth/runtime";

const SHIM_SERVER = [process.execPath, join(import.meta.dir, "../../../berth/src/main.ts"), "shim-server"];
const APPLETS = ["sh", "cat", "sleep", "true", "stty", "id", "seq", "head", "ls", "touch", "mount"];

export const runtimes = new OciRuntimes({}, undefined);

/** A folder with the root filesystem of a busybox, and a runtime that keeps its shims below it. */
export class ShimFixture {
  readonly folder = mkdtempSync(join(tmpdir(), "berth-shim-"));
  readonly runtime: ShimRuntime;

  constructor() {
    const { folder } = this;
    const bin = join(folder, "rootfs/bin");
    mkdirSync(bin, { recursive: true });
    copyFileSync("/bin/busybox", join(bin, "busybox"));
    for (const applet of APPLETS) symlinkSync("busybox", join(bin, applet));
    for (const name of ["proc", "dev", "sys", "etc", "tmp"]) mkdirSync(join(folder, "rootfs", name));
    writeFileSync(
      join(folder, "rootfs/etc/passwd"),
      "root:x:0:0:root:/root:/bin/sh\nweb:x:33:33:web:/srv:/bin/sh\n",
    );
    writeFileSync(join(folder, "rootfs/etc/group"), "root:x:0:\nwww:x:33:\nmail:x:8:web\n");
    writeFileSync(join(folder, "rootfs/plain"), "not a program");
    this.runtime = this.newRuntime();
  }

  newRuntime(): ShimRuntime {
    return new ShimRuntime({
      execRoot: join(this.folder, "exec"),
      shimServer: SHIM_SERVER,
      hideUnifiedCgroup: cgroupMode() === "hybrid",
    });
  }

  /** @returns the folders of shims that are left after a while: a shim tells of an end before it removes its own. */
  async close(): Promise<string[]> {
    await this.runtime.close();
    let left: string[] = [];
    for (const deadline = Date.now() + 10_000; Date.now() < deadline; await Bun.sleep(10)) {
      left = readdirSync(join(this.folder, "exec/shim"));
      if (left.length === 0) break;
    }
    rmSync(this.folder, { recursive: true, force: true });
    return left;
  }

  launch(args: string[], more: Partial<Launch> = {}, runtimeName = ""): Launch {
    const id = more.id ?? newId();
    const dataDirectory = join(this.folder, id);
    mkdirSync(dataDirectory, { recursive: true });
    return {
      id,
      dataDirectory,
      rootfs: { kind: "directory", path: join(this.folder, "rootfs") },
      spec: {
        ociVersion: "1.0.2",
        process: { args, env: ["PATH=/bin"], cwd: more.workingDirectory ?? "/", terminal: more.tty ?? false },
        root: { path: "" },
        mounts: [
          { destination: "/proc", type: "proc", source: "proc" },
          { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755"] },
          {
            destination: "/dev/pts",
            type: "devpts",
            source: "devpts",
            options: ["newinstance", "ptmxmode=0666"],
          },
        ],
        linux: {
          cgroupsPath: `/berth/${id}`,
          namespaces: [{ type: "pid" }, { type: "mount" }, { type: "ipc" }, { type: "uts" }],
        },
      },
      user: "",
      groupAdd: [],
      tty: false,
      openStdin: false,
      stdinOnce: false,
      log: {
        driver: "json-file",
        path: join(dataDirectory, "log"),
        maxSize: 0,
        maxFiles: 1,
        compress: false,
        attributes: {},
      },
      network: { mode: "none", endpoints: [] },
      ports: [],
      runtime: runtimes.get(runtimeName),
      workingDirectory: "/",
      ...more,
    };
  }
}

export function collect(stream: ShimStream): Promise<Buffer> {
  return new Promise((resolve) => {
    const chunks: Uint8Array[] = [];
    stream.onData((chunk) => chunks.push(chunk.slice()));
    stream.onEnd(() => resolve(Buffer.concat(chunks)));
  });
}

/** Text of one stream of Docker's frames. */
export function frames(data: Buffer, stream: 1 | 2): string {
  let text = "";
  for (let at = 0; at < data.length; ) {
    const length = data.readUInt32BE(at + 4);
    if (data[at] === stream) text += data.toString("latin1", at + 8, at + 8 + length);
    at += 8 + length;
  }
  return text;
}

export async function finish(shim: Shim): Promise<ExitRecord> {
  const record = await shim.exited;
  shim.recorded();
  return record;
}

/** Pids of the processes with this name whose parent has this pid. */
export function childrenNamed(parent: number, name: string): number[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .filter((entry) => {
      try {
        const stat = readFileSync(`/proc/${entry}/stat`, "latin1");
        return (
          stat.includes(`(${name})`) && Number(stat.slice(stat.lastIndexOf(")") + 4).split(" ")[0]) === parent
        );
      } catch {
        return false; // It ended meanwhile.
      }
    })
    .map(Number);
}

/** The shim of a container's init, whose parent is a process of the OCI runtime for a moment more. */
export async function shimOf(pid: number): Promise<number> {
  for (;;) {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const parent = Number(stat.slice(stat.lastIndexOf(")") + 4).split(" ")[0]);
    if (isBun(parent)) return parent;
    await Bun.sleep(1);
  }
}

function isBun(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/exe`) === realpathSync(process.execPath);
  } catch {
    return false; // It ended meanwhile.
  }
}
