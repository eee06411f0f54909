/** A second machine for network tests: a network namespace joined to the engine's host by a cable of its own. */
import { readlinkSync } from "node:fs";
import { run, runOk } from "./command.ts";
import type { Daemon } from "./daemon.ts";
import { eventually } from "./wait.ts";

export interface Outside {
  /** Its address, and the host's at the other end of the cable. */
  address: string;
  hostAddress: string;
  /** Command prefix that runs a program there. */
  prefix: string[];
  remove(): Promise<void>;
}

/** Names at most 15 characters; the block number keeps runs apart. */
export async function createOutside(daemon: Daemon): Promise<Outside> {
  const { block } = daemon.scope;
  const namespace = `bt${block}-out`;
  const [near, far] = [`bt${block}o0`, `bt${block}o1`];
  const [hostAddress, address] = [`10.${block}.127.1`, `10.${block}.127.2`];
  const prefix = ["ip", "netns", "exec", namespace];
  const host = (...argv: string[]) => runOk([...daemon.hostPrefix, ...argv]);
  await runOk(["ip", "netns", "add", namespace]);
  try {
    await host("ip", "link", "add", near, "type", "veth", "peer", "name", far);
    // By process id, because the engine's host may be another namespace than ours.
    const keeper = Bun.spawn([...prefix, "sleep", "infinity"], {
      stdin: "ignore",
      stdout: "ignore",
      stderr: "ignore",
    });
    try {
      // `ip netns exec` enters the namespace a moment after it is started; until then its process is in ours.
      const ours = readlinkSync("/proc/self/ns/net");
      await eventually(
        "a process in the namespace",
        () => readlinkSync(`/proc/${keeper.pid}/ns/net`) !== ours,
      );
      await host("sh", "-c", `until ip link set ${far} netns ${keeper.pid} 2>/dev/null; do sleep 0.01; done`);
    } finally {
      keeper.kill();
      await keeper.exited;
    }
    await host("ip", "address", "add", `${hostAddress}/30`, "dev", near);
    await host("ip", "link", "set", near, "up");
    await runOk([...prefix, "ip", "address", "add", `${address}/30`, "dev", far]);
    await runOk([...prefix, "ip", "link", "set", far, "up"]);
    await runOk([...prefix, "ip", "link", "set", "lo", "up"]);
    // Everything, containers' blocks included, goes over the cable: what then does not arrive was refused.
    await runOk([...prefix, "ip", "route", "add", "default", "via", hostAddress]);
  } catch (error) {
    await run(["ip", "netns", "delete", namespace]);
    throw error;
  }
  return {
    address,
    hostAddress,
    prefix,
    remove: async () => {
      await run([...daemon.hostPrefix, "ip", "link", "delete", near]);
      await run(["ip", "netns", "delete", namespace]);
    },
  };
}
