import type { ContainerTopResponse } from "@berth/api";
import { conflict, systemError } from "@berth/base";
import type { EngineContext } from "../context.ts";
import { cgroupOf } from "./cgroup.ts";
import { containerEvent } from "./events.ts";

/** Processes of a container as the host's `ps` shows them. `psArguments` as the client wrote them; empty: `-ef`. */
export async function topContainer(
  engine: EngineContext,
  reference: string,
  psArguments: string,
): Promise<ContainerTopResponse> {
  const container = engine.containers.get(reference);
  const { state } = container;
  if (!state.running) throw conflict(`Container ${container.id} is not running`);
  if (state.restarting) {
    throw conflict(`Container ${container.id} is restarting, wait until the container is running`);
  }
  const pids = new Set(cgroupOf(engine, container).pids());
  const args = psArguments.split(/\s+/).filter((word) => word !== "");
  const asked = args.length > 0 ? args : ["-ef"];
  // Without a choice `ps` shows only processes of its own user; some options (`f`) do not go together with one.
  const output = await runPs([...asked, `-q${[...pids].join(",")}`]).catch(() => runPs(asked));
  const table = parsePs(output, pids);
  containerEvent(engine, container, "top");
  return table;
}

async function runPs(args: string[]): Promise<string> {
  const ps = Bun.spawn(["ps", ...args], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [output, complaint, code] = await Promise.all([ps.stdout.text(), ps.stderr.text(), ps.exited]);
  if (code !== 0) {
    const [complaintLine = ""] = complaint.trim().split("\n");
    throw systemError(`ps: ${complaintLine === "" ? `exit status ${code}` : complaintLine}`);
  }
  return output;
}

/** The table that `ps` printed, only with the lines of `pids`. @throws system when there is no PID column. */
export function parsePs(output: string, pids: ReadonlySet<number>): ContainerTopResponse {
  const [header = "", ...lines] = output.split("\n");
  const titles = header.trim().split(/\s+/);
  const column = titles.indexOf("PID");
  if (column < 0) throw systemError("Couldn't find PID field in ps output");
  const processes: string[][] = [];
  let threadsOfOurs = false;
  for (const line of lines) {
    if (line === "") continue;
    const fields = line.trim().split(/\s+/);
    // With threads (-m), lines with `-` belong to the process above.
    if (fields[column] === "-") {
      if (threadsOfOurs) processes.push(row(fields, titles.length));
      continue;
    }
    const pid = Number(fields[column]);
    if (!Number.isInteger(pid)) throw systemError(`Unexpected pid '${fields[column]}': not a number`);
    threadsOfOurs = pids.has(pid);
    if (threadsOfOurs) processes.push(row(fields, titles.length));
  }
  return { Titles: titles, Processes: processes };
}

/** The last column takes the rest of the line: a command has spaces. */
function row(fields: string[], columns: number): string[] {
  return [...fields.slice(0, columns - 1), fields.slice(columns - 1).join(" ")];
}
