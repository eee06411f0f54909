import type { RestartPolicy } from "@berth/api";
import { containerUpdate } from "@berth/client";
import { atLeast, command } from "../../command.ts";
import { describeError } from "../../describe-error.ts";
import { CommandError, OutputClosed } from "../../errors.ts";
import { bytes, processors } from "../../flags/quantities.ts";
import { int, string } from "../../flags/types.ts";

export default command({
  names: ["container update", "update"],
  summary: "Change limits and restart policy of one or more containers",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  arguments: atLeast(1),
  completes: ["container"],
  flags: {
    "blkio-weight": int("Share of disk time (10 to 1000; 0: the default)", { unsigned: true, bits: 16 }),
    "cpu-period": int("Microseconds of a period of the processors' limit"),
    "cpu-quota": int("Microseconds of processor time in a period"),
    "cpu-rt-period": int("Microseconds of a period of the real-time limit"),
    "cpu-rt-runtime": int("Microseconds of real-time processor time in a period"),
    "cpu-shares": int("Share of processor time", { shorthand: "c" }),
    cpus: processors("Number of processors"),
    "cpuset-cpus": string("Which processors (0-3, 0,1)"),
    "cpuset-mems": string("Which memory nodes (0-3, 0,1)"),
    "kernel-memory": bytes("Kernel memory limit", { hidden: true }),
    memory: bytes("Memory limit", { shorthand: "m" }),
    "memory-reservation": bytes("Memory that is left to it when memory is short"),
    "memory-swap": bytes("Limit of memory and swap together; -1: unlimited swap", { unlimited: true }),
    "pids-limit": int("Most processes; -1: unlimited"),
    restart: string("When to start again: no, always, unless-stopped, on-failure[:times]", {
      values: ["no", "always", "unless-stopped", "on-failure"],
    }),
  },
  examples: [{ what: "More memory for a running container", words: "update -m 1g --memory-swap 2g db" }],
  async run(context, { values, given }, names) {
    if (!FLAGS.some(given)) {
      throw new CommandError("you must provide one or more flags when using this command");
    }
    const update = {
      BlkioWeight: values["blkio-weight"],
      CpuPeriod: values["cpu-period"],
      CpuQuota: values["cpu-quota"],
      CpuRealtimePeriod: values["cpu-rt-period"],
      CpuRealtimeRuntime: values["cpu-rt-runtime"],
      CpuShares: values["cpu-shares"],
      NanoCpus: values.cpus,
      CpusetCpus: values["cpuset-cpus"],
      CpusetMems: values["cpuset-mems"],
      ...(values["kernel-memory"] !== 0 && { KernelMemory: values["kernel-memory"] }),
      Memory: values.memory,
      MemoryReservation: values["memory-reservation"],
      MemorySwap: values["memory-swap"],
      // 0 changes nothing.
      PidsLimit: values["pids-limit"] === 0 ? null : values["pids-limit"],
      ...UNCHANGED,
      RestartPolicy: restartPolicy(values.restart),
    };
    const client = await context.client();
    const warnings: string[] = [];
    const failures: string[] = [];
    for (const name of names) {
      try {
        warnings.push(...((await containerUpdate(client, name, update)).Warnings ?? []));
        await context.stdout.write(`${name}\n`);
      } catch (error) {
        if (error instanceof OutputClosed) throw error;
        failures.push(describeError(context.program, error));
      }
    }
    if (warnings.length > 0) await context.stdout.write(`${warnings.join("\n")}\n`);
    if (failures.length > 0) throw new CommandError(failures.join("\n"));
  },
});

/** The rest of the API's resources, as empty as Docker's command line sends them. */
const UNCHANGED = {
  CgroupParent: "",
  BlkioWeightDevice: null,
  BlkioDeviceReadBps: null,
  BlkioDeviceWriteBps: null,
  BlkioDeviceReadIOps: null,
  BlkioDeviceWriteIOps: null,
  Devices: null,
  DeviceCgroupRules: null,
  DeviceRequests: null,
  MemorySwappiness: null,
  OomKillDisable: null,
  Ulimits: null,
  CpuCount: 0,
  CpuPercent: 0,
  IOMaximumIOps: 0,
  IOMaximumBandwidth: 0,
};

const FLAGS = [
  "blkio-weight",
  "cpu-period",
  "cpu-quota",
  "cpu-rt-period",
  "cpu-rt-runtime",
  "cpu-shares",
  "cpus",
  "cpuset-cpus",
  "cpuset-mems",
  "kernel-memory",
  "memory",
  "memory-reservation",
  "memory-swap",
  "pids-limit",
  "restart",
] as const;

/** `NAME[:TIMES]`; which names there are is the daemon's to say. @throws CommandError in Docker's words. */
function restartPolicy(text: string): RestartPolicy {
  const [name = "", times] = splitOnce(text);
  if (name === "" && times !== undefined) {
    throw new CommandError("invalid restart policy format: no policy provided before colon");
  }
  if (times !== undefined && !/^[+-]?\d{1,18}$/.test(times)) {
    throw new CommandError("invalid restart policy format: maximum retry count must be an integer");
  }
  return { Name: name, MaximumRetryCount: Number(times ?? 0) };
}

function splitOnce(text: string): string[] {
  const at = text.indexOf(":");
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
