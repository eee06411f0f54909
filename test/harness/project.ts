/** Folders to build images from, and the clients that build them. */
import { chmodSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { CommandResult } from "./command.ts";
import type { Daemon } from "./daemon.ts";

/** `session`: Debian's docker with DOCKER_BUILDKIT=1; `classic`: the builder API; `berth`: `berth build`. */
export type BuildClient = "session" | "classic" | "berth";

/** Content of files by path; `-> x` is a symbolic link to x, a path that ends with a slash an empty folder. */
export type Files = Readonly<Record<string, string>>;

/** Writes the files into a new folder of the daemon's scope. Files that begin with `#!` may be executed. */
export function project(daemon: Daemon, files: Files): string {
  const folder = mkdtempSync(join(daemon.scope.directory, "project-"));
  chmodSync(folder, 0o755);
  for (const [path, content] of Object.entries(files)) {
    const full = join(folder, path);
    mkdirSync(path.endsWith("/") ? full : dirname(full), { recursive: true });
    if (path.endsWith("/")) continue;
    if (content.startsWith("-> ")) symlinkSync(content.slice(3), full);
    else writeFileSync(full, content, { mode: content.startsWith("#!") ? 0o755 : 0o644 });
  }
  return folder;
}

const COMMANDS: Readonly<Record<BuildClient, { command: string[]; env: Record<string, string> }>> = {
  session: { command: ["docker20", "build", "--progress=plain"], env: { DOCKER_BUILDKIT: "1" } },
  classic: { command: ["docker", "build"], env: { DOCKER_BUILDKIT: "0" } },
  berth: { command: ["berth", "build", "--progress=plain"], env: {} },
};

export interface BuildOptions {
  client?: BuildClient;
  seconds?: number;
  env?: Record<string, string>;
}

/** Builds a folder, which is added behind the arguments. */
export function build(
  daemon: Daemon,
  folder: string,
  args: readonly string[] = [],
  options: BuildOptions = {},
): Promise<CommandResult> {
  const { command, env } = COMMANDS[options.client ?? (daemon.engine === "berth" ? "berth" : "session")];
  return daemon.run([...command, ...args, folder], {
    env: { ...env, ...options.env },
    seconds: options.seconds ?? 120,
  });
}

/** As `build`; a build that fails is an error with its output. */
export async function buildOk(
  daemon: Daemon,
  folder: string,
  args: readonly string[] = [],
  options: BuildOptions = {},
): Promise<CommandResult> {
  const result = await build(daemon, folder, args, options);
  if (result.exitCode !== 0) throw new Error(`build ${args.join(" ")}:\n${result.stdout}${result.stderr}`);
  return result;
}
