/**
 * The daemon is killed at random moments while clients create, start, stop and remove containers. After each death nothing may be
 * orphaned, everything that was answered must be true, and the containers of before must not have noticed.
 *
 * BERTH_FAULT_ROUNDS sets how often it is killed; BERTH_FAULT_SEED repeats a run's choices.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { randomFrom } from "../fuzz/mutate.ts";
import { type Daemon, startDaemon } from "../harness/daemon.ts";
import { engineOfThisRun } from "../harness/engine.ts";
import { eventually } from "../harness/wait.ts";
import { contradictions, type Entry, type Observed, observe } from "./ledger.ts";

const ROUNDS = Number(process.env.BERTH_FAULT_ROUNDS ?? 150);
const SEED = Number(process.env.BERTH_FAULT_SEED ?? Date.now() % 1_000_000);
const WITNESSES = 3;
/** After so long no further round begins. */
const ENOUGH_MS = 480_000;

describe.if(engineOfThisRun() === "berth")("kill -9", () => {
  let daemon: Daemon;
  beforeAll(async () => {
    daemon = await startDaemon({ images: ["busybox"] });
  }, 120_000);
  afterAll(() => daemon.stop(), 120_000);

  const random = randomFrom(SEED);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  const ledger: Entry[] = [];
  let counter = 0;

  /** One request; a connection that breaks is no answer. */
  async function ask(method: string, path: string, body?: unknown): Promise<number | undefined> {
    try {
      return (await daemon.api(method, path, body)).status;
    } catch {
      return undefined;
    }
  }

  async function step(
    entry: Entry,
    field: "created" | "started" | "stopped" | "removed",
    method: string,
    path: string,
    body?: unknown,
  ): Promise<boolean> {
    if (entry[field] === "no") entry[field] = "asked";
    const status = await ask(method, path, body);
    if (status === undefined) return false;
    if (status >= 500) throw new Error(`${method} ${path}: ${status}`);
    if (status < 400) entry[field] = "yes";
    return status < 400;
  }

  /** A container's life until a random point, or until the daemon dies. */
  async function live(): Promise<void> {
    const name = `c${++counter}`;
    const exitCode = random() < 0.4 ? Math.floor(random() * 200) : undefined;
    const port = random() < 0.3 ? daemon.port() : undefined;
    const entry: Entry = { name, exitCode, port, created: "no", started: "no", stopped: "no", removed: "no" };
    ledger.push(entry);
    const command =
      exitCode === undefined ? "exec sleep 100000" : `sleep 0.${Math.floor(random() * 3)}; exit ${exitCode}`;
    const HostConfig =
      port === undefined
        ? {}
        : { PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: String(port) }] } };
    const create = { Image: "busybox", Cmd: ["sh", "-c", command], HostConfig };
    if (!(await step(entry, "created", "POST", `/containers/create?name=${name}`, create))) return;
    if (random() < 0.1) return;
    if (!(await step(entry, "started", "POST", `/containers/${name}/start`))) return;
    await work(entry);
  }

  /** Something done to a container of earlier. */
  async function work(entry: Entry): Promise<void> {
    const what = random();
    if (what < 0.25) return;
    if (what < 0.4) return void (await ask("POST", `/containers/${entry.name}/exec`, { Cmd: ["true"] }));
    if (what < 0.6) return void (await step(entry, "stopped", "POST", `/containers/${entry.name}/stop?t=0`));
    if (what < 0.7) return void (await step(entry, "stopped", "POST", `/containers/${entry.name}/kill`));
    await step(entry, "removed", "DELETE", `/containers/${entry.name}?force=1&v=1`);
  }

  const running = (observed: ReadonlyMap<string, Observed>) =>
    [...observed.values()].filter(({ status }) => status === "running");

  /** What the daemon says against what the machine says. */
  function machineContradictions(observed: ReadonlyMap<string, Observed>): string[] {
    const found: string[] = [];
    const ids = new Set([...observed.values()].map(({ id }) => id));
    for (const [name, { pid, id }] of observed) {
      if (pid === 0) continue;
      const cgroup = existsSync(`/proc/${pid}/cgroup`) ? readFileSync(`/proc/${pid}/cgroup`, "utf8") : "";
      if (!cgroup.includes(id)) found.push(`${name}: runs as process ${pid}, which is not its own`);
    }
    for (const folder of readdirSync(join(daemon.dataRoot, "containers")))
      if (!ids.has(folder)) found.push(`folder of no container: ${folder}`);
    const alive = new Set(running(observed).map(({ id }) => id.slice(0, 16)));
    for (const folder of readdirSync(join(daemon.scope.directory, "exec/shim")))
      if (!alive.has(folder.slice(0, 16))) found.push(`shim of no running container: ${folder}`);
    const addresses = running(observed).map(({ address }) => address);
    if (addresses.includes("")) found.push("a running container has no address");
    if (new Set(addresses).size !== addresses.length) found.push(`addresses given twice: ${addresses}`);
    const veths = readdirSync(`/sys/class/net/${daemon.scope.bridge}/brif`).length;
    if (veths !== addresses.length)
      found.push(`${veths} links on the bridge for ${addresses.length} running containers`);
    return found;
  }

  test(`${ROUNDS} deaths while containers come and go`, async () => {
    console.log(`seed ${SEED}`);
    for (let index = 0; index < WITNESSES; index++)
      await daemon.out(
        "run",
        "-d",
        "--name",
        `witness${index}`,
        "busybox",
        "sh",
        "-c",
        "i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done",
      );
    const witnesses = [...(await observe(daemon)).entries()].map(([name, { pid }]) => [name, pid]);
    expect(witnesses.length).toBe(WITNESSES);

    const begun = performance.now();
    for (let round = 0; round < ROUNDS; round++) {
      // A machine that is busy with other things gets fewer, rather than none to its end.
      if (performance.now() - begun > ENOUGH_MS) {
        console.log(`${round} rounds in ${ENOUGH_MS / 1000} s`);
        break;
      }
      const usable = ledger.filter((entry) => entry.started === "yes" && entry.removed === "no");
      const clients = [
        live(),
        live(),
        live(),
        ...(usable.length > 0 ? [work(pick(usable)), work(pick(usable))] : []),
      ];
      await Bun.sleep(random() * 120);
      await daemon.kill("SIGKILL");
      await Promise.all(clients);
      await daemon.start();

      await eventually(
        `round ${round}: nothing contradicts`,
        async () => {
          const observed = await observe(daemon);
          const mine = new Map([...observed].filter(([name]) => !name.startsWith("witness")));
          const found = [...contradictions(ledger, mine), ...machineContradictions(observed)];
          if (found.length > 0) throw new Error(`seed ${SEED}: ${found.join("\n")}`);
          return true;
        },
        30,
      );
      for (const [name, pid] of witnesses)
        expect([name, (await observe(daemon)).get(String(name))?.pid]).toEqual([name, pid]);

      // Entries that are settled are removed now and then; that they can be is part of the test.
      if (round % 10 === 9) {
        const left = [...(await observe(daemon)).keys()].filter((name) => !name.startsWith("witness"));
        if (left.length > 0) await daemon.ok(["docker", "rm", "-f", "-v", ...left]);
        ledger.length = 0;
        await eventually(
          "everything of them is gone",
          async () => machineContradictions(await observe(daemon)).length === 0,
        );
        // A port of a container that died with the daemon can be used again.
        const port = daemon.port();
        expect(
          (await daemon.docker("run", "--rm", "-p", `127.0.0.1:${port}:80`, "busybox", "echo", "fine"))
            .stdout,
        ).toBe("fine\n");
      }
    }

    for (const [name] of witnesses) {
      await daemon.out("stop", "-t", "0", String(name));
      const lines = (await daemon.out("logs", String(name))).split("\n").map(Number);
      expect(lines).toEqual(Array.from({ length: lines.length }, (_, index) => index + 1));
    }
  }, 600_000);
});
