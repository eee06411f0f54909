import type { HostConfig } from "@berth/api";
import { systemError } from "@berth/base";
import type { OciSpec } from "../runtime.ts";
import type { SpecInput } from "./input.ts";

type Namespace = OciSpec["linux"]["namespaces"][number];

/** What /dev/shm has to be; `private` covers `shareable`, for the difference is only who else may come in. */
export type IpcMode = "private" | "none" | "host" | "container";

export function ipcMode(mode: string): IpcMode {
  if (mode.startsWith("container:")) return "container";
  return mode === "host" || mode === "none" ? mode : "private";
}

/** A namespace of its own: neither the host's nor another container's. */
export function isPrivate(mode: string): boolean {
  return mode !== "host" && !mode.startsWith("container:");
}

/** The namespaces of a container; the host's are those that are not there. */
export function containerNamespaces(input: SpecInput): Namespace[] {
  const { hostConfig, joins = {} } = input;
  const namespaces: Namespace[] = [{ type: "mount" }];
  add(namespaces, "network", hostConfig.NetworkMode, joins.network);
  if (hostConfig.UTSMode !== "host") namespaces.push({ type: "uts" });
  add(namespaces, "pid", hostConfig.PidMode, joins.pid);
  add(namespaces, "ipc", hostConfig.IpcMode, joins.ipc);
  if (cgroupNamespace(hostConfig, input.host.cgroupVersion) === "private")
    namespaces.push({ type: "cgroup" });
  return namespaces;
}

function add(namespaces: Namespace[], type: string, mode: string, joined: string | undefined): void {
  if (mode === "host") return;
  if (!mode.startsWith("container:")) {
    namespaces.push({ type });
    return;
  }
  if (joined === undefined) throw systemError(`the ${type} namespace of ${mode} was not resolved`);
  namespaces.push({ type, path: joined });
}

/** When not said: its own on cgroup v2, the host's on v1, as Docker does. */
export function cgroupNamespace(
  host: Pick<HostConfig, "CgroupnsMode">,
  cgroupVersion: 1 | 2,
): "private" | "host" {
  if (host.CgroupnsMode === "private" || host.CgroupnsMode === "host") return host.CgroupnsMode;
  return cgroupVersion === 2 ? "private" : "host";
}
