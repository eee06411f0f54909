/** Debian's docker-registry (distribution 2.8) on loopback, as a peer of the clients that are tested. */
import { mkdirSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { baseEnvironment } from "./command.ts";
import { eventually } from "./wait.ts";

export interface RegistryOptions {
  /** Where its files go; made when missing. */
  folder: string;
  /** Passwords by user: nobody else may do anything. */
  users?: Readonly<Record<string, string>>;
  /** What a command needs in front to run where the engine's network is (`Daemon.hostPrefix`). */
  prefix?: readonly string[];
  /** More of its environment: settings such as `REGISTRY_PROXY_REMOTEURL`. */
  environment?: Readonly<Record<string, string>>;
}

export interface TestRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  host: string;
}

const FIRST_PORT = 21_000;
const PORTS = 9_000;

/** @throws with its log when it does not answer. */
export async function startDockerRegistry(options: RegistryOptions): Promise<TestRegistry> {
  const { folder, users, prefix = [] } = options;
  mkdirSync(join(folder, "data"), { recursive: true });
  const auth: Record<string, string> = {};
  if (users !== undefined) {
    const lines = await Promise.all(
      Object.entries(users).map(
        async ([user, password]) =>
          `${user}:${await Bun.password.hash(password, { algorithm: "bcrypt", cost: 4 })}\n`,
      ),
    );
    writeFileSync(join(folder, "htpasswd"), lines.join(""));
    auth.REGISTRY_AUTH = "htpasswd";
    auth.REGISTRY_AUTH_HTPASSWD_REALM = "test";
    auth.REGISTRY_AUTH_HTPASSWD_PATH = join(folder, "htpasswd");
  }
  const configuration = join(folder, "config.yml");
  writeFileSync(
    configuration,
    "version: 0.1\nstorage: {delete: {enabled: true}}\nlog: {level: warn, accesslog: {disabled: true}}\n",
  );
  for (let attempt = 0; ; attempt++) {
    const host = `127.0.0.1:${FIRST_PORT + Math.floor(Math.random() * PORTS)}`;
    const logPath = join(folder, `registry-${attempt}.log`);
    const log = openSync(logPath, "a");
    const child = Bun.spawn([...prefix, "docker-registry", "serve", configuration], {
      stdin: "ignore",
      stdout: log,
      stderr: log,
      env: {
        ...baseEnvironment(folder),
        REGISTRY_HTTP_ADDR: host,
        REGISTRY_HTTP_SECRET: "test",
        REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: join(folder, "data"),
        ...auth,
        ...options.environment,
      },
    });
    const state = await eventually(
      `docker-registry answers on ${host}`,
      async () => {
        if (child.exitCode !== null) return "ended";
        const probe = Bun.spawn([...prefix, "curl", "-s", "-o", "/dev/null", `http://${host}/v2/`]);
        return (await probe.exited) === 0 && "ready";
      },
      20,
    );
    if (state === "ready") {
      return {
        host,
        [Symbol.asyncDispose]: async () => {
          child.kill("SIGKILL");
          await child.exited;
        },
      };
    }
    // Another one has the port.
    if (attempt === 5) throw new Error(`docker-registry does not start: ${await Bun.file(logPath).text()}`);
  }
}
