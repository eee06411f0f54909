/** What a client knows about its containers: what was asked for, and what was answered before the daemon died. */
import type { Daemon } from "../harness/daemon.ts";

/** `asked`: the request was sent, and nobody knows whether it was carried out. */
export type Certainty = "no" | "asked" | "yes";

export interface Entry {
  name: string;
  /** Ends by itself with this status; undefined for one that runs until it is stopped. */
  exitCode: number | undefined;
  port: number | undefined;
  created: Certainty;
  started: Certainty;
  stopped: Certainty;
  removed: Certainty;
}

export interface Observed {
  id: string;
  status: string;
  exitCode: number;
  pid: number;
  address: string;
}

/** All containers by name, as the daemon tells. */
export async function observe(daemon: Daemon): Promise<Map<string, Observed>> {
  const list = (await daemon.api("GET", "/containers/json?all=1")).json<{ Id: string }[]>();
  const found = new Map<string, Observed>();
  for (const { Id } of list) {
    const answer = await daemon.api("GET", `/containers/${Id}/json`);
    // Removed between the two questions.
    if (answer.status === 404) continue;
    const { Name, State, NetworkSettings } = answer.json<{
      Name: string;
      State: { Status: string; ExitCode: number; Pid: number };
      NetworkSettings: { Networks: Record<string, { IPAddress: string }> };
    }>();
    const address = Object.values(NetworkSettings.Networks)[0]?.IPAddress ?? "";
    found.set(Name.slice(1), {
      id: Id,
      status: State.Status,
      exitCode: State.ExitCode,
      pid: State.Pid,
      address,
    });
  }
  return found;
}

/** What contradicts the ledger; empty when everything that was promised is true. */
export function contradictions(entries: readonly Entry[], observed: ReadonlyMap<string, Observed>): string[] {
  const found: string[] = [];
  for (const entry of entries) {
    const seen = observed.get(entry.name);
    const say = (what: string) =>
      found.push(`${entry.name}: ${what}; asked for ${JSON.stringify(entry)}, is ${JSON.stringify(seen)}`);
    if (seen === undefined) {
      if (entry.created === "yes" && entry.removed === "no") say("was created and is gone");
      continue;
    }
    if (entry.removed === "yes") say("was removed and is there");
    const undisturbed = entry.stopped === "no" && entry.removed === "no";
    if (entry.started === "yes" && undisturbed) {
      if (entry.exitCode === undefined && seen.status !== "running") say("was started and does not run");
      if (
        entry.exitCode !== undefined &&
        seen.status !== "running" &&
        !(seen.status === "exited" && seen.exitCode === entry.exitCode)
      )
        say("ended with another status");
    }
    if (entry.started === "no" && entry.removed === "no" && seen.status !== "created")
      say("was never started");
    if (entry.stopped === "yes" && entry.removed === "no" && seen.status === "running")
      say("was stopped and runs");
  }
  for (const name of observed.keys())
    if (!entries.some((entry) => entry.name === name)) found.push(`${name}: nobody asked for it`);
  return found;
}
