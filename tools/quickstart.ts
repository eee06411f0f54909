/**
 * From a checkout to a live web service in a container: `make quickstart`. Needs what `tools/setup.sh runtime` installs and
 * `dist/berth`. Every step looks first whether it is done already, so that a second call is quick.
 *
 * Uses the daemon at `DOCKER_HOST` when that is set, else the one at the default socket, which it starts when there is none.
 */
import { closeSync, existsSync, openSync } from "node:fs";
import { connect } from "node:net";
import { resolve } from "node:path";

const BERTH = resolve(import.meta.dir, "../dist/berth");
const DEFAULT_SOCKET = "/run/berth/berth.sock";
const DAEMON_LOG = "/var/log/berth.log";
const NAME = "quickstart";
const IMAGE = "quickstart-web";
const VOLUME = "quickstart-pages";
/** The first free port from here on is used. */
const FIRST_PORT = Number(process.env.BERTH_QUICKSTART_PORT ?? 8080);
const PAGE = `<!doctype html>
<title>Berth</title>
<h1>It runs.</h1>
<p>This page comes from nginx in a container, out of a volume, through a published port.</p>
`;

const host = process.env.DOCKER_HOST ?? `unix://${DEFAULT_SOCKET}`;
const environment = { ...process.env, DOCKER_HOST: host };
const bold = (text: string): string => (process.stdout.isTTY ? `\x1b[1m${text}\x1b[0m` : text);

function say(mark: "new" | "was there", what: string): void {
  console.log(`${mark === "new" ? "✔" : "·"} ${what}${mark === "new" ? "" : " (was there already)"}`);
}

function fail(message: string): never {
  console.error(`quickstart: ${message}`);
  process.exit(1);
}

/** Runs `berth …` quietly. */
async function berth(
  args: readonly string[],
  stdin?: string,
): Promise<{ ok: boolean; stdout: string; stderr: string }> {
  const child = Bun.spawn([BERTH, ...args], {
    stdin: stdin === undefined ? "ignore" : Buffer.from(stdin),
    stdout: "pipe",
    stderr: "pipe",
    env: environment,
  });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { ok: (await child.exited) === 0, stdout: stdout.trim(), stderr: stderr.trim() };
}

/** Runs `berth …`, shows the command line, and ends with its message when it fails. */
async function show(args: readonly string[], stdin?: string): Promise<string> {
  const words = args.map((word) =>
    /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`,
  );
  console.log(`  $ berth ${words.join(" ")}`);
  const { ok, stdout, stderr } = await berth(args, stdin);
  if (!ok) fail(`berth ${args[0]} failed:\n${stdout}\n${stderr}`);
  return stdout;
}

/** True when an engine answers at `host`. */
async function daemonAnswers(): Promise<boolean> {
  return (await berth(["version", "--format", "{{.Server.Version}}"])).ok;
}

async function waitFor(what: string, seconds: number, probe: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!(await probe())) {
    if (Date.now() > deadline) fail(`${what}: not within ${seconds} s`);
    await Bun.sleep(20);
  }
}

async function ensureDaemon(): Promise<void> {
  if (await daemonAnswers()) return say("was there", `a daemon at ${host}`);
  if (process.env.DOCKER_HOST !== undefined) fail(`no daemon answers at DOCKER_HOST=${host}`);
  if (existsSync("/run/systemd/system") && existsSync("/lib/systemd/system/berth.service")) {
    Bun.spawnSync(["systemctl", "start", "berth.service"]);
  } else {
    const log = openSync(DAEMON_LOG, "a");
    const daemon = Bun.spawn([BERTH, "daemon"], {
      stdin: "ignore",
      stdout: log,
      stderr: log,
      detached: true,
    });
    closeSync(log);
    daemon.unref();
  }
  await waitFor(`the daemon (see ${DAEMON_LOG})`, 20, daemonAnswers);
  say("new", `started a daemon at ${host}, its log is ${DAEMON_LOG}`);
}

async function ensureImage(name: string): Promise<void> {
  if ((await berth(["image", "inspect", name])).ok) return say("was there", `image ${name}`);
  if (name.startsWith("debian"))
    console.log("  Debian is put together from its packages now; that takes a minute.");
  await show(["image", "bootstrap", name]);
  say("new", `made image ${name} from Debian's packages`);
}

/** A web server installed in a container, and the container made an image. */
async function ensureWebImage(): Promise<void> {
  if ((await berth(["image", "inspect", IMAGE])).ok) return say("was there", `image ${IMAGE} with nginx`);
  const builder = `${NAME}-build`;
  await berth(["rm", "-f", builder]);
  const install =
    "apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends nginx-light";
  await show(["run", "--name", builder, "debian:bookworm", "sh", "-c", install]);
  await show(["commit", "-c", 'CMD ["nginx","-g","daemon off;"]', "-c", "EXPOSE 80", builder, IMAGE]);
  await berth(["rm", builder]);
  say("new", `installed nginx in a container and committed it as ${IMAGE}`);
}

async function ensureVolume(): Promise<void> {
  if ((await berth(["volume", "inspect", VOLUME])).ok) return say("was there", `volume ${VOLUME}`);
  await show(["volume", "create", VOLUME]);
  await show(
    ["run", "--rm", "-i", "-v", `${VOLUME}:/pages`, "busybox", "sh", "-c", "cat > /pages/index.html"],
    PAGE,
  );
  say("new", `wrote a page into the volume ${VOLUME}`);
}

function portIsFree(port: number): Promise<boolean> {
  return new Promise((settle) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      settle(false);
    });
    socket.once("error", () => settle(true));
  });
}

async function freePort(): Promise<number> {
  for (let port = FIRST_PORT; port < FIRST_PORT + 100; port++) if (await portIsFree(port)) return port;
  return fail(`no free port from ${FIRST_PORT} on`);
}

/** @returns the published port. */
async function ensureService(): Promise<number> {
  const state = await berth(["inspect", "-f", "{{.State.Status}}", NAME]);
  if (state.ok && state.stdout === "running") say("was there", `container ${NAME}`);
  else {
    if (state.ok) await berth(["rm", "-f", NAME]);
    const port = await freePort();
    await show([
      "run",
      "-d",
      "--name",
      NAME,
      "-v",
      `${VOLUME}:/var/www/html`,
      "-p",
      `127.0.0.1:${port}:80`,
      IMAGE,
    ]);
    say("new", `started container ${NAME}`);
  }
  const published = /:(\d+)$/.exec((await berth(["port", NAME, "80/tcp"])).stdout.split("\n")[0] ?? "")?.[1];
  if (published === undefined)
    fail(`container ${NAME} has no published port; remove it with: berth rm -f ${NAME}`);
  return Number(published);
}

async function fetchPage(port: number): Promise<void> {
  const url = `http://127.0.0.1:${port}/`;
  await waitFor(`an answer from ${url}`, 20, async () => {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(2000) });
      return response.ok && (await response.text()).includes("<h1>It runs.</h1>");
    } catch {
      return false;
    }
  });
  say("new", `fetched ${url}`);
}

if (process.getuid?.() !== 0) {
  const again = Bun.spawnSync(["sudo", "--preserve-env=DOCKER_HOST", process.execPath, import.meta.path], {
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  });
  process.exit(again.exitCode ?? 1);
}
if (!existsSync(BERTH)) fail("dist/berth is missing; run: make quickstart");
const started = performance.now();
await ensureDaemon();
await ensureImage("busybox");
await ensureImage("debian:bookworm");
await ensureWebImage();
await ensureVolume();
const port = await ensureService();
await fetchPage(port);

console.log(`
${bold(`A web server runs in a container (${((performance.now() - started) / 1000).toFixed(1)} s).`)} Next:

  curl http://127.0.0.1:${port}/
  export DOCKER_HOST=${host}   # now any Docker client drives Berth
  docker ps
  dist/berth run --rm -it debian:bookworm bash
  dist/berth logs ${NAME}
  dist/berth exec -it ${NAME} sh
  dist/berth rm -f ${NAME}                 # remove it again
  make install                              # keep berth, with units for systemd`);
