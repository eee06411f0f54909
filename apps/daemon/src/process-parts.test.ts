import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AF, bind, close, recv, SOCK, socket } from "@berth/linux";
import { notifySystemd } from "./notify.ts";
import { Pidfile } from "./pidfile.ts";
import { prepareRoots } from "./roots.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "berth-daemon-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test("pidfile: written, refused while the process runs, replaced when it is stale, removed", () => {
  const path = join(directory, "run/berth.pid");
  {
    using _first = Pidfile.create(path);
    expect(readFileSync(path, "utf8")).toBe(String(process.pid));
  }
  expect(existsSync(path)).toBe(false);

  writeFileSync(path, String(process.ppid));
  expect(() => Pidfile.create(path)).toThrow(
    new Error(`pid file found, ensure docker is not running or delete ${path}`),
  );
  const dead = Bun.spawnSync(["true"]).pid;
  for (const stale of [String(dead), "", "garbage", "-1"]) {
    writeFileSync(path, stale);
    using _replaced = Pidfile.create(path);
    expect(readFileSync(path, "utf8")).toBe(String(process.pid));
  }
});

test("pidfile: a zombie's is replaced", async () => {
  // The shell becomes a sleep, which never waits for the child it inherits.
  const parent = Bun.spawn(["sh", "-c", "sleep 60 & echo $!; exec sleep 60"], { stdout: "pipe" });
  try {
    const { value } = await parent.stdout.getReader().read();
    const child = Number(new TextDecoder().decode(value));
    while (readFileSync(`/proc/${parent.pid}/comm`, "utf8") !== "sleep\n") await Bun.sleep(1);
    process.kill(child, "SIGKILL");
    while (!readFileSync(`/proc/${child}/stat`, "utf8").includes(") Z ")) await Bun.sleep(1);
    const path = join(directory, "zombie.pid");
    writeFileSync(path, String(child));
    using _replaced = Pidfile.create(path);
    expect(readFileSync(path, "utf8")).toBe(String(process.pid));
  } finally {
    parent.kill("SIGKILL");
    await parent.exited;
  }
});

test("pidfile: one that another daemon has written meanwhile is left", () => {
  const path = join(directory, "taken.pid");
  {
    using _mine = Pidfile.create(path);
    writeFileSync(path, "1");
  }
  expect(readFileSync(path, "utf8")).toBe("1");
});

test("roots: made, resolved, and held by one daemon only", () => {
  const real = join(directory, "real");
  mkdirSync(real);
  const link = join(directory, "link");
  symlinkSync(real, link);
  {
    using roots = prepareRoots(join(link, "data"), join(link, "exec"));
    expect([roots.dataRoot, roots.execRoot]).toEqual([join(real, "data"), join(real, "exec")]);
    expect(() => prepareRoots(roots.dataRoot, roots.execRoot)).toThrow(
      `the data root ${roots.dataRoot} is in use by another daemon (pid ${process.pid})`,
    );
  }
  using _again = prepareRoots(join(real, "data"), join(real, "exec"));
  const long = join(real, "x".repeat(60));
  expect(() => prepareRoots(join(real, "other"), long)).toThrow(`the exec root ${long} is too long`);
});

test("systemd is told, by path and by abstract name; without it nothing happens", () => {
  for (const [name, path] of [
    [join(directory, "notify"), join(directory, "notify")],
    [`@berth-test-${process.pid}`, `\0berth-test-${process.pid}`],
  ] as const) {
    const receiver = socket(AF.UNIX, SOCK.DGRAM | SOCK.NONBLOCK);
    try {
      bind(receiver, { family: "unix", path });
      notifySystemd("READY=1", { NOTIFY_SOCKET: name });
      const buffer = new Uint8Array(64);
      expect(new TextDecoder().decode(buffer.subarray(0, recv(receiver, buffer)))).toBe("READY=1");
    } finally {
      close(receiver);
    }
  }
  expect(() => notifySystemd("READY=1", {})).not.toThrow();
  expect(() => notifySystemd("READY=1", { NOTIFY_SOCKET: join(directory, "nobody") })).not.toThrow();
});

const program = (...argv: string[]) => {
  const script = `(await import(${JSON.stringify(join(import.meta.dir, "main.ts"))})).daemonMain(process.argv.slice(1))`;
  const { exitCode, stdout, stderr } = Bun.spawnSync([process.execPath, "-e", script, "--", ...argv]);
  return { exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
};

test("the program: version, help, validate, wrong flags and files", () => {
  expect(program("--version")).toMatchObject({
    exitCode: 0,
    stdout: "Berth version 0.0.0-dev, build unknown\n",
  });
  expect(program("--help").stdout).toContain("Usage:  berth daemon [OPTIONS]");
  const file = join(directory, "daemon.json");
  writeFileSync(file, '{"debug":true}');
  expect(program("--validate", "--config-file", file)).toMatchObject({
    exitCode: 0,
    stdout: "configuration OK\n",
  });
  expect(program("--validate", "--config-file", file, "-D")).toMatchObject({ exitCode: 1, stdout: "" });
  expect(program("--bogus")).toEqual({
    exitCode: 1,
    stdout: "",
    stderr: "unknown flag: --bogus\nSee 'berth daemon --help'.\n",
  });
});
