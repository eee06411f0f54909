/**
 * The daemon is killed at random moments while networks are made, removed, connected and disconnected under running containers.
 * After each death the daemon's answers and the kernel must agree: bridges, interfaces on both sides, addresses, ports.
 *
 * BERTH_FAULT_ROUNDS sets how often it is killed; BERTH_FAULT_SEED repeats a run's choices.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { randomFrom } from "../fuzz/mutate.ts";
import { run } from "../harness/command.ts";
import { type Daemon, startDaemon } from "../harness/daemon.ts";
import { engineOfThisRun } from "../harness/engine.ts";
import { eventually } from "../harness/wait.ts";

const ROUNDS = Number(process.env.BERTH_FAULT_ROUNDS ?? 40);
const SEED = Number(process.env.BERTH_FAULT_SEED ?? Date.now() % 1_000_000);
const NETWORKS = ["n0", "n1", "n2", "n3"];
const CONTAINERS = ["c0", "c1", "c2"];

interface Endpoint {
  IPAddress: string;
  MacAddress: string;
}

interface Container {
  Id: string;
  Name: string;
  State: { Pid: number };
  NetworkSettings: {
    Networks: Record<string, Endpoint>;
    Ports: Record<string, { HostPort: string }[] | null>;
  };
}

interface Network {
  Name: string;
  Id: string;
  Driver: string;
  Containers: Record<string, { Name: string; IPv4Address: string }>;
}

describe.if(engineOfThisRun() === "berth")("kill -9", () => {
  let daemon: Daemon;
  beforeAll(async () => {
    daemon = await startDaemon({ images: ["busybox"] });
  }, 120_000);
  afterAll(() => daemon.stop(), 120_000);

  const random = randomFrom(SEED);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;

  /** One request; a connection that breaks is no answer, and a refusal is one. */
  async function ask(method: string, path: string, body?: unknown): Promise<void> {
    try {
      const { status } = await daemon.api(method, path, body);
      if (status === 500) return;
    } catch {
      // The daemon died.
    }
  }

  function disturb(): Promise<void> {
    const [network, container] = [pick(NETWORKS), pick(CONTAINERS)];
    const what = random();
    if (what < 0.2) return ask("POST", "/networks/create", { Name: network, Internal: random() < 0.3 });
    if (what < 0.3) return ask("DELETE", `/networks/${network}`);
    if (what < 0.6) return ask("POST", `/networks/${network}/connect`, { Container: container });
    if (what < 0.85) return ask("POST", `/networks/${network}/disconnect`, { Container: container });
    if (what < 0.92) return ask("POST", `/containers/${container}/stop?t=0`);
    return ask("POST", `/containers/${container}/start`);
  }

  const json = async <T>(path: string): Promise<T> => (await daemon.api("GET", path)).json() as T;

  /** What the daemon says against what the machine says. */
  async function contradictions(): Promise<string[]> {
    const found: string[] = [];
    const networks = await Promise.all(
      (await json<{ Id: string }[]>("/networks")).map(({ Id }) => json<Network>(`/networks/${Id}`)),
    );
    const bridges = new Map(
      networks
        .filter(({ Driver }) => Driver === "bridge")
        .map(({ Name, Id }) => [Name, Name === "bridge" ? daemon.scope.bridge : `br-${Id.slice(0, 12)}`]),
    );
    const ports = (bridge: string) =>
      existsSync(`/sys/class/net/${bridge}`) ? readdirSync(`/sys/class/net/${bridge}/brif`).length : -1;
    for (const [name, bridge] of bridges) {
      const expected = Object.keys(networks.find(({ Name }) => Name === name)!.Containers).length;
      if (ports(bridge) !== expected)
        found.push(`${name}: ${ports(bridge)} interfaces for ${expected} containers`);
    }
    const set = await run(["nft", "-j", "list", "set", "inet", `berth-${daemon.scope.bridge}`, "bridges"]);
    const named = (JSON.parse(set.stdout) as { nftables: { set?: { elem: string[] } }[] }).nftables
      .flatMap((each) => each.set?.elem ?? [])
      .sort();
    if (JSON.stringify(named) !== JSON.stringify([...bridges.values()].sort()))
      found.push(`bridges of the rules: ${named}`);
    for (const name of CONTAINERS) {
      const { Id, State, NetworkSettings } = await json<Container>(`/containers/${name}/json`);
      const told = Object.entries(NetworkSettings.Networks).filter(([, { IPAddress }]) => IPAddress !== "");
      for (const [network, { IPAddress }] of told) {
        const seen = networks.find((each) => each.Name === network)?.Containers[Id]?.IPv4Address;
        if (seen?.split("/")[0] !== IPAddress)
          found.push(`${name} has ${IPAddress} in ${network}, which says ${seen}`);
      }
      if (State.Pid === 0) continue;
      const show = await run(["nsenter", "-t", String(State.Pid), "-n", "ip", "-4", "-o", "address", "show"]);
      const inside = [...show.stdout.matchAll(/ eth\d+ +inet ([\d.]+)\//g)]
        .map(([, address]) => address!)
        .sort();
      const addresses = told.map(([, { IPAddress }]) => IPAddress).sort();
      if (JSON.stringify(inside) !== JSON.stringify(addresses))
        found.push(`${name} has ${inside} inside, and is said to have ${addresses}`);
      const listening = Object.values(NetworkSettings.Ports).flatMap((each) => each ?? []);
      for (const { HostPort } of listening) {
        const held = await run(["ss", "-ltnH", `sport = :${HostPort}`]);
        if (held.stdout === "") found.push(`nobody holds port ${HostPort} of ${name}`);
      }
    }
    return found;
  }

  test(`${ROUNDS} deaths while networks come and go under containers`, async () => {
    console.log(`seed ${SEED}`);
    for (const name of CONTAINERS)
      await daemon.out(
        "run",
        "-d",
        "--name",
        name,
        "-p",
        `${daemon.port()}:80`,
        "busybox",
        "sleep",
        "100000",
      );
    for (let round = 0; round < ROUNDS; round++) {
      const clients = Array.from({ length: 6 }, async () => {
        for (let step = 0; step < 4; step++) await disturb();
      });
      await Bun.sleep(random() * 150);
      await daemon.kill("SIGKILL");
      await Promise.all(clients);
      await daemon.start();
      await eventually(
        `round ${round}: nothing contradicts`,
        async () => {
          const found = await contradictions();
          if (found.length > 0) throw new Error(`seed ${SEED}: ${found.join("\n")}`);
          return true;
        },
        5,
      );
    }
    await daemon.ok(["docker", "rm", "-f", ...CONTAINERS]);
    await daemon.ok(["docker", "network", "prune", "-f"]);
    expect(await contradictionsOfNothing()).toEqual([]);
  }, 600_000);

  async function contradictionsOfNothing(): Promise<string[]> {
    await eventually(
      "no interface is left",
      () => readdirSync(`/sys/class/net/${daemon.scope.bridge}/brif`).length === 0,
    );
    return (await json<{ Name: string }[]>("/networks"))
      .map(({ Name }) => Name)
      .filter((name) => !["bridge", "host", "none"].includes(name));
  }
});
