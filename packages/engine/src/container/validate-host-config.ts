import { isIP } from "node:net";
import type { HostConfig, RestartPolicy } from "@berth/api";
import { invalidParameter } from "@berth/base";
import { destinationProblem, parseMount } from "../mount/parse.ts";
import { capabilityProblem } from "./capabilities.ts";
import { validatePortBindings } from "./ports.ts";

/** Checks the host half of a configuration, but for cgroup limits. @throws invalid-parameter with Docker's sentences. */
export function validateHostConfig(host: HostConfig): void {
  const refuse = (text: string) => {
    throw invalidParameter(text);
  };
  if (host.AutoRemove && !isNoRestart(host.RestartPolicy)) {
    refuse("can't create 'AutoRemove' container with restart policy");
  }
  for (const mount of host.Mounts ?? []) parseMount(mount);
  for (const extra of host.ExtraHosts ?? []) validateExtraHost(extra);
  validatePortBindings(host.PortBindings);
  validateRestartPolicy(host.RestartPolicy);
  for (const [field, names] of [
    ["CapAdd", host.CapAdd],
    ["CapDrop", host.CapDrop],
  ] as const) {
    const problem = capabilityProblem(names ?? []);
    if (problem !== undefined) refuse(`invalid ${field}: ${problem}`);
  }
  if (host.Isolation !== "" && host.Isolation !== "default") {
    refuse(`Invalid isolation: ${JSON.stringify(host.Isolation)} - linux only supports 'default'`);
  }
  if (host.ShmSize < 0) refuse("SHM size can not be less than 0");
  if (host.OomScoreAdj < -1000 || host.OomScoreAdj > 1000) {
    refuse(`Invalid value ${host.OomScoreAdj}, range for oom score adj is [-1000, 1000]`);
  }
  if (!["", "host", "private"].includes(host.CgroupnsMode)) {
    refuse(`invalid cgroup namespace mode: ${host.CgroupnsMode}`);
  }
  if (!["", "host", "private", "shareable", "none"].includes(host.IpcMode) && !joinsContainer(host.IpcMode)) {
    refuse(`invalid IPC mode: ${host.IpcMode}`);
  }
  if (!["", "host", "private"].includes(host.PidMode) && !joinsContainer(host.PidMode)) {
    refuse(`invalid PID mode: ${host.PidMode}`);
  }
  if (!["", "host"].includes(host.UTSMode)) refuse(`invalid UTS mode: ${host.UTSMode}`);
  if (!["", "host"].includes(host.UsernsMode)) refuse(`invalid user namespace mode: ${host.UsernsMode}`);
  for (const path of Object.keys(host.Tmpfs ?? {})) {
    const problem = destinationProblem(path);
    if (problem !== undefined) refuse(problem);
  }
  if (Object.keys(host.StorageOpt ?? {}).length > 0) {
    refuse("--storage-opt is supported only for overlay over xfs with 'pquota' mount option");
  }
  for (const ulimit of host.Ulimits ?? []) {
    if (!ULIMITS.has(ulimit.Name)) refuse(`invalid ulimit type: ${ulimit.Name}`);
    if (ulimit.Hard !== -1 && (ulimit.Soft === -1 || ulimit.Soft > ulimit.Hard)) {
      refuse(`ulimit soft limit must be less than or equal to hard limit: ${ulimit.Soft} > ${ulimit.Hard}`);
    }
  }
  for (const server of host.Dns ?? []) if (isIP(server) === 0) refuse(`invalid IP address: ${server}`);
  if (host.DeviceRequests?.length) {
    const words = (host.DeviceRequests[0]?.Capabilities ?? []).map((all) => all.join(" ")).join("] [");
    refuse(
      `could not select device driver ${JSON.stringify(host.DeviceRequests[0]?.Driver ?? "")} with capabilities: [[${words}]]`,
    );
  }
  for (const rule of host.DeviceCgroupRules ?? []) {
    if (!/^[abc] (\d+|\*):(\d+|\*) [rwm]{1,3}$/.test(rule)) {
      refuse(`invalid device cgroup rule format: '${rule}'`);
    }
  }
}

const ULIMITS = new Set(
  "as core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack".split(
    " ",
  ),
);

function joinsContainer(mode: string): boolean {
  return mode.startsWith("container:") && mode.length > "container:".length;
}

export function isNoRestart(policy: RestartPolicy): boolean {
  return policy.Name === "" || policy.Name === "no";
}

export function validateRestartPolicy(policy: RestartPolicy): void {
  switch (policy.Name) {
    case "":
      return;
    case "always":
    case "unless-stopped":
    case "no":
      if (policy.MaximumRetryCount !== 0) {
        throw invalidParameter(`maximum retry count cannot be used with restart policy '${policy.Name}'`);
      }
      return;
    case "on-failure":
      if (policy.MaximumRetryCount < 0) throw invalidParameter("maximum retry count cannot be negative");
      return;
    default:
      throw invalidParameter(`invalid restart policy '${policy.Name}'`);
  }
}

/** The word in `--add-host name:host-gateway` for the host's address. */
export const HOST_GATEWAY = "host-gateway";

/** @returns name and address. @throws invalid-parameter with Docker's sentences. */
export function parseExtraHost(text: string): { name: string; address: string } {
  const at = text.indexOf(":");
  if (at <= 0) throw invalidParameter(`bad format for add-host: ${JSON.stringify(text)}`);
  const name = text.slice(0, at);
  const address = text.slice(at + 1).replace(/^\[(.*)\]$/, "$1");
  if (address !== HOST_GATEWAY && isIP(address) === 0) {
    throw invalidParameter(`invalid IP address in add-host: ${JSON.stringify(address)}`);
  }
  return { name, address };
}

function validateExtraHost(text: string): void {
  parseExtraHost(text);
}
