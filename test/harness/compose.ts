/** Compose projects in folders of their own. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { CommandResult } from "./command.ts";
import type { Daemon } from "./daemon.ts";

/** Docker Compose 2.26.1 of Debian's next release, where `tools/setup.sh` could fetch it. */
export const COMPOSE_V2 = resolve(
  import.meta.dir,
  "../../.cache/trixie/root/usr/libexec/docker/cli-plugins/docker-compose",
);

/** A command that greets, runs on, and ends at SIGTERM. */
export const LOOP = `["sh", "-c", "trap 'exit 0' TERM; echo hello from $$HOSTNAME; sleep 1000 & wait"]`;

export interface ComposeProject {
  folder: string;
  write(name: string, text: string): void;
  /** `berth compose WORDS`. */
  compose(...words: string[]): Promise<CommandResult>;
  /** Docker Compose 2.26.1. */
  v2(...words: string[]): Promise<CommandResult>;
  /** stdout of a command that must succeed. */
  ok(...words: string[]): Promise<string>;
  withEnvironment(env: Record<string, string>): ComposeProject;
  /** `NAME STATE` of each container. */
  states(): Promise<string[]>;
}

export function composeProject(
  daemon: Daemon,
  name: string,
  file: string,
  env: Record<string, string> = {},
): ComposeProject {
  const folder = join(daemon.scope.directory, "projects", name);
  mkdirSync(folder, { recursive: true });
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  write("compose.yaml", file);
  const compose = (...words: string[]) => daemon.run(["berth", "compose", ...words], { cwd: folder, env });
  return {
    folder,
    write,
    compose,
    v2: (...words) => daemon.run([COMPOSE_V2, ...words], { cwd: folder, env }),
    async ok(...words) {
      const result = await compose(...words);
      if (result.exitCode !== 0) throw new Error(`compose ${words.join(" ")}: ${result.stderr}`);
      return result.stdout;
    },
    withEnvironment: (more) => composeProject(daemon, name, file, more),
    async states() {
      const { stdout } = await compose("ps", "-a", "--format", "{{.Name}} {{.State}}");
      return stdout.split("\n").filter((line) => line !== "");
    },
  };
}
