/** Registries under test, each a process of its own: Berth's, and Debian's docker-registry. */
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { baseEnvironment, run } from "../../harness/command.ts";
import { BERTH } from "../../harness/engine.ts";
import { createScope, releaseScope, type Scope } from "../../harness/scope.ts";
import { eventually } from "../../harness/wait.ts";

export type RegistryName = "berth" | "docker-registry";

export async function freePort(): Promise<number> {
  return await new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

export interface RegistryOptions {
  flags?: readonly string[];
  env?: Record<string, string>;
  /** Not waited for with HTTP (TLS). */
  https?: boolean;
  /** In front of the command: the namespaces that it runs in. */
  prefix?: readonly string[];
}

export class RegistryProcess implements AsyncDisposable {
  readonly name: RegistryName;
  readonly scope: Scope;
  readonly port: number;
  readonly root: string;
  readonly #options: RegistryOptions;
  #child!: Bun.Subprocess;

  private constructor(name: RegistryName, scope: Scope, port: number, options: RegistryOptions) {
    this.name = name;
    this.scope = scope;
    this.port = port;
    this.root = join(scope.directory, "registry");
    this.#options = options;
  }

  static async start(name: RegistryName, options: RegistryOptions = {}): Promise<RegistryProcess> {
    const registry = new RegistryProcess(name, createScope(), await freePort(), options);
    mkdirSync(registry.root, { recursive: true });
    await registry.launch();
    return registry;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get url(): string {
    return `http://${this.address}`;
  }

  get pid(): number {
    return this.#child.pid;
  }

  get logFile(): string {
    return join(this.scope.directory, "registry.log");
  }

  async launch(): Promise<void> {
    const log = openSync(this.logFile, "a");
    this.#child = Bun.spawn([...(this.#options.prefix ?? []), ...this.#command()], {
      stdin: "ignore",
      stdout: log,
      stderr: log,
      env: { ...baseEnvironment(join(this.scope.directory, "home")), ...this.#options.env },
    });
    closeSync(log);
    if (this.#options.prefix !== undefined) return await this.#waitInside(this.#options.prefix);
    const url = `${this.#options.https ? "https" : "http"}://${this.address}/v2/`;
    await eventually(`${this.name} answers`, async () => {
      if (this.#child.exitCode !== null) return "ended";
      return (await fetch(url, { tls: { rejectUnauthorized: false } }).catch((error: Error) => {
        if (this.#options.https && /cert|closed|reset|handshake/i.test(error.message)) return true;
        throw error;
      }))
        ? "ready"
        : undefined;
    }).then((state) => {
      if (state === "ended")
        throw new Error(`${this.name} ended:\n${readFileSync(this.logFile, "utf8").slice(-2000)}`);
    });
  }

  /** `docker` and others see the network that the prefix leads to; we ask with a program inside. */
  async #waitInside(prefix: readonly string[]): Promise<void> {
    await eventually(`${this.name} answers`, async () => {
      const asked = await run([...prefix, "curl", "-fsS", `${this.url}/healthz`]);
      return asked.exitCode === 0;
    });
  }

  #command(): string[] {
    if (this.name === "berth")
      return [
        BERTH,
        "registry",
        "serve",
        "--addr",
        this.address,
        "--storage",
        this.root,
        ...(this.#options.flags ?? []),
      ];
    const config = join(this.scope.directory, "config.yml");
    writeFileSync(
      config,
      `version: 0.1\nlog:\n  accesslog:\n    disabled: true\n  level: error\nstorage:\n  cache:\n    blobdescriptor: inmemory\n  filesystem:\n    rootdirectory: ${this.root}\n  delete:\n    enabled: true\nhttp:\n  addr: ${this.address}\n`,
    );
    return ["docker-registry", "serve", config];
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async ended(): Promise<number> {
    return await this.#child.exited;
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
    rmSync(this.root, { recursive: true, force: true });
    releaseScope(this.scope);
  }
}
