/** login, logout, credential helpers, and images of a registry that lets in nobody else. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Daemon, DOCKER, startDaemon } from "../harness/daemon.ts";
import { startDockerRegistry, type TestRegistry } from "../harness/docker-registry.ts";
import { BERTH, engineOfThisRun } from "../harness/engine.ts";
import { imageArchive } from "../harness/images.ts";

/** Follows the protocol of credential helpers with a JSON file, and keeps a journal of its calls. */
const HELPER = `#!/usr/bin/python3
import json, os, sys
path = os.environ["HELPER_STORE"]
store = json.load(open(path)) if os.path.exists(path) else {}
verb, text = sys.argv[1], sys.stdin.read()
with open(path + ".log", "a") as log: log.write(verb + "\\n")
if verb == "store":
    entry = json.loads(text); store[entry["ServerURL"]] = entry
elif verb == "list":
    print(json.dumps({key: entry["Username"] for key, entry in store.items()}))
elif text.strip() not in store:
    print("credentials not found in native keychain"); sys.exit(1)
elif verb == "get":
    print(json.dumps(store[text.strip()]))
else:
    del store[text.strip()]
json.dump(store, open(path, "w"))
`;

let daemon: Daemon;
let registry: TestRegistry;
let folder = "";
beforeAll(async () => {
  daemon = await startDaemon({ images: ["busybox"] });
  folder = join(daemon.scope.directory, "login");
  mkdirSync(join(folder, "bin"), { recursive: true });
  writeFileSync(join(folder, "bin/docker-credential-fake"), HELPER);
  chmodSync(join(folder, "bin/docker-credential-fake"), 0o755);
  registry = await startDockerRegistry({
    folder: join(folder, "registry"),
    users: { me: "secret" },
    prefix: daemon.hostPrefix,
  });
  const copied = await daemon.host(
    ...["skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false", "--dest-creds", "me:secret"],
    ...[`docker-archive:${await imageArchive("busybox")}`, `docker://${registry.host}/private/box:1`],
  );
  if (copied.exitCode !== 0) throw new Error(`skopeo: ${copied.stderr}`);
}, 120_000);
afterAll(async () => {
  await registry?.[Symbol.asyncDispose]();
  await daemon.stop();
}, 60_000);

const clients = engineOfThisRun() === "berth" ? ["docker", "berth"] : ["docker"];

/** A client with a configuration folder of its own. */
function homeFor(client: string, name: string, config?: object) {
  const home = join(folder, `${client}-${name}`);
  mkdirSync(home);
  const path = join(home, "config.json");
  if (config !== undefined) writeFileSync(path, JSON.stringify(config));
  const env = {
    DOCKER_CONFIG: home,
    HELPER_STORE: join(home, "store"),
    PATH: `${join(folder, "bin")}:${process.env.PATH}`,
  };
  return {
    path,
    env,
    config: () => JSON.parse(readFileSync(path, "utf8")) as Record<string, Record<string, unknown>>,
    run: (words: string, stdin?: string) =>
      daemon.run([client, ...words.split(" ")], { env, ...(stdin !== undefined && { stdin }) }),
  };
}

for (const client of clients) {
  test(`${client}: login, pull, logout`, async () => {
    const { host } = registry;
    const image = `${host}/private/box:1`;
    const { run, config, path } = homeFor(client, "plain");
    const wrong = await run(`login -u me --password-stdin ${host}`, "wrong");
    expect(wrong.exitCode).toBe(1);
    expect(wrong.stderr).toContain("401 Unauthorized");
    expect(existsSync(path)).toBe(false);

    const good = await run(`login -u me --password-stdin ${host}`, "secret\n");
    expect(good).toMatchObject({ exitCode: 0, stdout: "Login Succeeded\n" });
    expect(good.stderr).toContain(`WARNING! Your credentials are stored unencrypted in '${path}'.\n`);
    expect(config().auths).toEqual({ [host]: { auth: Buffer.from("me:secret").toString("base64") } });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const again = await run(`login ${host}`);
    expect(again).toMatchObject({ exitCode: 0, stdout: "Login Succeeded\n" });
    expect(again.stderr).toContain("Authenticating with existing credentials... [Username: me]");

    expect(await run(`pull ${image}`)).toMatchObject({ exitCode: 0 });
    expect(await run(`rmi ${image}`)).toMatchObject({ exitCode: 0 });

    expect(await run(`logout ${host}`)).toMatchObject({
      exitCode: 0,
      stdout: `Removing login credentials for ${host}\n`,
    });
    expect(config()).toEqual({ auths: {} });
    const refused = await run(`pull ${image}`);
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain("no basic auth credentials");
  }, 60_000);

  test(`${client}: on a terminal the password does not show`, async () => {
    const { host } = registry;
    const { env, config } = homeFor(client, "terminal");
    const assign = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const session = daemon.terminal(["env", ...assign, client === "berth" ? BERTH : DOCKER, "login", host]);
    await session.until("Username: ");
    session.type("me\r");
    await session.until("Password: ");
    session.type("secret\r");
    await session.until("Login Succeeded");
    expect(await session.exited).toBe(0);
    expect(session.screen()).not.toContain("secret");
    expect(Object.keys(config().auths!)).toEqual([host]);
  });

  test(`${client}: a credential helper keeps what config.json does not`, async () => {
    const { host } = registry;
    const { run, config, env } = homeFor(client, "helper", { credsStore: "fake", mine: 1 });
    const journal = () => readFileSync(`${env.HELPER_STORE}.log`, "utf8");
    expect(await run(`login -u me --password-stdin ${host}`, "secret")).toMatchObject({
      exitCode: 0,
      stdout: "Login Succeeded\n",
    });
    expect(config().auths).toEqual({ [host]: {} });
    expect(JSON.parse(readFileSync(env.HELPER_STORE, "utf8"))).toEqual({
      [host]: { ServerURL: host, Username: "me", Secret: "secret" },
    });
    const image = `${host}/private/box:1`;
    expect(await run(`pull ${image}`)).toMatchObject({ exitCode: 0 });
    expect(journal()).toContain("get\n");
    expect(await run(`logout ${host}`)).toMatchObject({ exitCode: 0 });
    expect(readFileSync(env.HELPER_STORE, "utf8")).toBe("{}");
    expect((await run(`pull ${image}`)).exitCode).toBe(1);
  }, 60_000);

  test(`${client}: what is wrong with the command line`, async () => {
    const { run } = homeFor(client, "wrong");
    const say = async (words: string, stdin?: string) => {
      const { exitCode, stderr } = await run(words, stdin);
      return { exitCode, stderr };
    };
    expect(await say("login x.example")).toEqual({
      exitCode: 1,
      stderr: "Error: Cannot perform an interactive login from a non TTY device\n",
    });
    expect(await say("login --password-stdin x.example", "p")).toEqual({
      exitCode: 1,
      stderr: "the --password-stdin option requires --username to be set\n",
    });
    expect(await say("login -u u -p p --password-stdin x.example", "p")).toEqual({
      exitCode: 1,
      stderr: "conflicting options: cannot specify both --password and --password-stdin\n",
    });
  });
}
