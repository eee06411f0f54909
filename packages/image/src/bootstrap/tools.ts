import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { cancelled, systemError } from "@berth/base";
import { endingWith } from "../streams.ts";
import type { BootstrapTask } from "./bootstrap.ts";

/** Debian package that brings each tool. */
const PACKAGES: Readonly<Record<string, string>> = {
  "apt-get": "apt",
  "apt-config": "apt",
  "dpkg-deb": "dpkg",
  dpkg: "dpkg",
  mmdebstrap: "mmdebstrap",
  tar: "tar",
  unshare: "util-linux",
};

/** What is kept of what a tool says on stderr, for the error. */
const KEPT_LINES = 20;
const MAX_LINE = 1000;

/** Path of a program, by the PATH of now. */
export function whereIs(name: string): string | null {
  return Bun.which(name, { PATH: process.env.PATH ?? "" });
}

/** @throws system, which names the package, when a tool is not installed. */
export function requireTool(name: string): void {
  if (whereIs(name) !== null) return;
  throw systemError(`${name} is not installed`, { hint: `apt-get install ${PACKAGES[name] ?? name}` });
}

export interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
  /** Told of each line on stderr. */
  onLine?: (line: string) => void;
}

const environment = (extra: Record<string, string> = {}) => ({
  PATH: process.env.PATH ?? "/usr/sbin:/usr/bin:/sbin:/bin",
  LC_ALL: "C.UTF-8",
  DEBIAN_FRONTEND: "noninteractive",
  ...proxies(),
  ...extra,
});

function proxies(): Record<string, string> {
  const names = ["http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"];
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}

/** What a tool writes to stdout; an error in the place of the end when it fails. */
export function startTool(
  task: BootstrapTask,
  command: readonly string[],
  options: RunOptions = {},
): ReadableStream<Uint8Array> {
  requireTool(command[0]!);
  if (task.signal.aborted) throw cancelled("the request was cancelled");
  const child = Bun.spawn([...command], {
    ...(options.cwd !== undefined && { cwd: options.cwd }),
    env: environment(options.env),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    // Tools start others: all of them are ended together.
    detached: true,
  });
  const end = () => {
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // It has ended already.
    }
  };
  task.signal.addEventListener("abort", end, { once: true });
  const lines = keepLines(child.stderr as ReadableStream<Uint8Array>, options.onLine);
  const done = (async () => {
    const said = await lines;
    const code = await child.exited;
    task.signal.removeEventListener("abort", end);
    if (task.signal.aborted) throw cancelled("the request was cancelled");
    if (code !== 0) {
      throw systemError(
        `${command[0]} failed with status ${code ?? child.signalCode}: ${said.join("\n").trim()}`,
      );
    }
  })();
  return endingWith(child.stdout as ReadableStream<Uint8Array>, done);
}

/** Runs a tool to its end; what it wrote to stdout. @throws system with what it said; cancelled. */
export async function runTool(
  task: BootstrapTask,
  command: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of startTool(task, command, options)) parts.push(part);
  return Buffer.concat(parts).toString();
}

async function keepLines(
  stream: ReadableStream<Uint8Array>,
  onLine: ((line: string) => void) | undefined,
): Promise<string[]> {
  const kept: string[] = [];
  let rest = "";
  const take = (line: string) => {
    const text = line.trimEnd().slice(0, MAX_LINE);
    if (text === "") return;
    kept.push(text);
    if (kept.length > KEPT_LINES) kept.shift();
    onLine?.(text);
  };
  const decoder = new TextDecoder();
  for await (const piece of stream) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split(/[\r\n]/);
    rest = lines.pop()!.slice(-MAX_LINE);
    for (const line of lines) take(line);
  }
  take(rest);
  return kept;
}

/** The archive of a folder: the same bytes for the same files, names sorted, everything root's. */
export function tarOf(task: BootstrapTask, folder: string, time: number): ReadableStream<Uint8Array> {
  const options = [
    "--sort=name",
    "--format=ustar",
    "--owner=0",
    "--group=0",
    "--numeric-owner",
    "--blocking-factor=1",
  ];
  return startTool(task, ["tar", ...options, `--mtime=@${time}`, "-C", folder, "-c", "."]);
}

let counter = 0;

/** A scratch folder that disappears with the scope. */
export function scratchFolder(task: BootstrapTask): Disposable & { path: string } {
  const path = join(task.context.scratch, `bootstrap-${process.pid}-${++counter}`);
  mkdirSync(path, { recursive: true, mode: 0o755 });
  return {
    path,
    [Symbol.dispose]: () => task.context.trash.take(path),
  };
}
