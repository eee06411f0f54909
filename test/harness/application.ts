/** Applications of `test/projects/`: a copy in a daemon's scope, driven by a Compose client, and asked over HTTP. */
import { cpSync } from "node:fs";
import { join, resolve } from "node:path";
import type { CommandResult } from "./command.ts";
import type { Daemon } from "./daemon.ts";
import { eventually } from "./wait.ts";

const PROJECTS = resolve(import.meta.dir, "../projects");
const COMPOSE_2 = resolve(
  import.meta.dir,
  "../../.cache/trixie/root/usr/libexec/docker/cli-plugins/docker-compose",
);

/** `berth compose`; Docker Compose 2.26 and 1.29 as independent clients. */
export const COMPOSE_CLIENTS = {
  berth: ["berth", "compose"],
  "docker compose 2.26": [COMPOSE_2],
  "docker-compose 1.29": ["/usr/bin/docker-compose"],
} as const;
export type ComposeClient = keyof typeof COMPOSE_CLIENTS;

export class Application {
  readonly folder: string;
  readonly port: number;
  readonly developmentPort: number;
  private readonly daemon: Daemon;
  private readonly client: ComposeClient;

  /** @param name the folder below `test/projects/`; also the project's name, unless another one is given */
  constructor(daemon: Daemon, name: string, client: ComposeClient = "berth", project: string = name) {
    this.daemon = daemon;
    this.client = client;
    this.port = daemon.port();
    this.developmentPort = daemon.port();
    this.folder = join(daemon.scope.directory, "projects", project);
    cpSync(join(PROJECTS, name), this.folder, { recursive: true });
  }

  run(...words: string[]): Promise<CommandResult> {
    return this.daemon.run([...COMPOSE_CLIENTS[this.client], ...words], {
      cwd: this.folder,
      env: { WEB_PORT: String(this.port), DEVELOPMENT_PORT: String(this.developmentPort) },
      seconds: 120,
    });
  }

  async ok(...words: string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.run(...words);
    if (exitCode !== 0) throw new Error(`${this.client} ${words.join(" ")}:\n${stdout}${stderr}`);
    return stdout;
  }

  /** A page of the application; undefined as long as there is none. */
  async page(path: string, port = this.port): Promise<string | undefined> {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { keepalive: false });
    return response.ok ? response.text() : undefined;
  }

  /** A page, as soon as it is served. */
  waitForPage(path: string, port = this.port): Promise<string> {
    return eventually(`${path} is served on port ${port}`, () => this.page(path, port), 60);
  }
}
