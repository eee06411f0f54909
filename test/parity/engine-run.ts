/** Runs the steps of a scenario on one engine. */
import { chmodSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../harness/command.ts";
import { type Daemon, DOCKER, startDaemon } from "../harness/daemon.ts";
import type { EngineName } from "../harness/engine.ts";
import { Normaliser } from "./normalise.ts";
import type { Scenario } from "./scenario.ts";

export interface StepResult {
  command: string;
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** What the oracle speaks; asking both engines in the same version compares like with like. */
const API_VERSION = "1.41";
const STEP_SECONDS = 60;

const SCRIPTS: Record<string, string> = {
  api: `#!/bin/sh
# api METHOD PATH [BODY [CURL OPTION…]]
method=$1 path=$2 body=\${3-}; shift 2; [ $# -gt 0 ] && shift
[ "$method" = HEAD ] && set -- -I "$@"
[ -n "$body" ] && set -- -H 'Content-Type: application/json' --data-binary "$body" "$@"
out=$(mktemp)
curl -sS --max-time 30 -X "$method" --unix-socket "$SOCKET" -o "$out" -w '%{http_code} %{content_type}\\n' "$@" "http://engine$path"
[ "$method" = HEAD ] || jq -S . "$out" 2>/dev/null || cat "$out"
rm -f "$out"
`,
  "until-ok": `#!/bin/sh
i=0
while [ $i -lt 300 ]; do sh -c "$1" >/dev/null 2>&1 && exit 0; i=$((i+1)); sleep 0.05; done
echo "never true: $1"; exit 1
`,
  "on-tty": `#!/usr/bin/env python3
# on-tty [-i INPUT] COMMAND…: INPUT is typed once the command has said something
import codecs, fcntl, os, pty, struct, sys, termios
arguments, typed = sys.argv[1:], b""
if arguments[0] == "-i":
    typed, arguments = codecs.decode(arguments[1], "unicode_escape").encode(), arguments[2:]
child, terminal = pty.fork()
if child == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    os.execvp(arguments[0], arguments)
while True:
    try:
        data = os.read(terminal, 65536)
    except OSError:
        break
    if not data:
        break
    os.write(1, data)
    if typed:
        os.write(terminal, typed)
        typed = b""
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
`,
};

export class EngineRun {
  readonly daemon: Daemon;
  private readonly bin: string;
  private readonly constants: Readonly<Record<string, string>>;
  private readonly hostAddress: string;
  private counter = 0;

  private constructor(daemon: Daemon, bin: string, constants: Record<string, string>, hostAddress: string) {
    this.daemon = daemon;
    this.bin = bin;
    this.constants = constants;
    this.hostAddress = hostAddress;
  }

  static async start(engine: EngineName): Promise<EngineRun> {
    const daemon = await startDaemon({ engine, images: ["busybox"] });
    const bin = join(daemon.scope.directory, "bin");
    mkdirSync(bin);
    symlinkSync(DOCKER, join(bin, "docker"));
    for (const [name, text] of Object.entries(SCRIPTS)) {
      writeFileSync(join(bin, name), text);
      chmodSync(join(bin, name), 0o755);
    }
    const [facts] = JSON.parse(await daemon.out("image", "inspect", "busybox")) as [
      { Id: string; RootFS: { Layers: string[] } },
    ];
    const [id, ...layers] = [facts.Id, ...facts.RootFS.Layers].map((digest) => digest.replace("sha256:", ""));
    const constants: Record<string, string> = { [id!]: "<busybox>" };
    for (const [index, layer] of layers.entries()) constants[layer] = `<busybox layer ${index + 1}>`;
    return new EngineRun(daemon, bin, constants, await daemon.hostAddress());
  }

  /** Runs every step, whatever the ones before did, then clears the engine. */
  async run(scenario: Scenario): Promise<StepResult[]> {
    const work = join(this.daemon.scope.directory, `work-${++this.counter}`);
    mkdirSync(work);
    const ports = [1, 2, 3, 4, 5].map(() => this.daemon.port());
    const normaliser = new Normaliser(
      {
        work,
        directory: this.daemon.scope.directory,
        block: this.daemon.scope.block,
        ports,
        hostAddress: this.hostAddress,
      },
      this.constants,
    );
    const env = this.daemon.environment({
      PATH: `${this.bin}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
      DOCKER_API_VERSION: API_VERSION,
      SOCKET: this.daemon.socket,
      W: work,
      ...Object.fromEntries(ports.map((port, index) => [`P${index + 1}`, String(port)])),
    });
    const results: StepResult[] = [];
    try {
      for (const command of scenario.steps) results.push(await this.step(command, work, env, normaliser));
    } finally {
      await this.clear();
      rmSync(work, { recursive: true, force: true });
    }
    return results;
  }

  private async step(
    command: string,
    cwd: string,
    env: Record<string, string>,
    normaliser: Normaliser,
  ): Promise<StepResult> {
    const argv = [...this.daemon.hostPrefix, "sh", "-c", command];
    try {
      const { exitCode, stdout, stderr } = await run(argv, { cwd, env, seconds: STEP_SECONDS });
      return { command, exitCode, stdout: normaliser.text(stdout), stderr: normaliser.text(stderr) };
    } catch (error) {
      return {
        command,
        exitCode: -1,
        stdout: "",
        stderr: normaliser.text((error as Error).message.split("\n")[0]!),
      };
    }
  }

  /** Back to one image and nothing else. */
  private async clear(): Promise<void> {
    const list = async (...args: string[]) => (await this.daemon.out(...args)).split("\n").filter(Boolean);
    const containers = await list("ps", "-aq", "--no-trunc");
    if (containers.length > 0) await this.daemon.docker("rm", "-f", "-v", ...containers);
    const networks = (await list("network", "ls", "--format", "{{.Name}}")).filter(
      (name) => !/^(bridge|host|none)$/.test(name),
    );
    if (networks.length > 0) await this.daemon.docker("network", "rm", ...networks);
    const volumes = await list("volume", "ls", "-q");
    if (volumes.length > 0) await this.daemon.docker("volume", "rm", "-f", ...volumes);
    const names = (await list("images", "--format", "{{.Repository}}:{{.Tag}}")).filter(
      (name) => name !== "busybox:latest",
    );
    const tagged = names.filter((name) => !name.includes("<none>"));
    if (tagged.length > 0) await this.daemon.docker("rmi", "-f", ...tagged);
    await this.daemon.docker("image", "prune", "-f");
  }

  async stop(): Promise<void> {
    if (existsSync(this.daemon.scope.directory)) await this.daemon.stop();
  }
}
