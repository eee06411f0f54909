import type { ContainerConfig, HealthConfig, HostConfig } from "@berth/api";
import { invalidParameter } from "@berth/base";
import { parseSignal } from "./signals.ts";

/** Checks what does not depend on the host. @throws invalid-parameter with Docker's sentences. */
export function validateConfig(config: ContainerConfig): void {
  if (config.WorkingDir !== "" && !config.WorkingDir.startsWith("/")) {
    throw invalidParameter(
      `the working directory '${config.WorkingDir}' is invalid, it needs to be an absolute path`,
    );
  }
  if (config.StopSignal) parseSignal(config.StopSignal);
  for (const entry of config.Env ?? []) {
    if (entry === "" || entry.startsWith("="))
      throw invalidParameter(`invalid environment variable: ${entry}`);
    if (entry.includes("\0")) throw invalidParameter("invalid environment variable: it contains a NUL byte");
  }
  for (const word of [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])]) {
    if (word.includes("\0")) throw invalidParameter("invalid command: it contains a NUL byte");
  }
  if (config.Healthcheck) validateHealth(config.Healthcheck);
}

const MILLISECOND = 1_000_000;

export function validateHealth(health: HealthConfig): void {
  for (const key of ["Interval", "Timeout", "StartPeriod", "StartInterval"] as const) {
    const value = health[key] ?? 0;
    if (value !== 0 && value < MILLISECOND) {
      throw invalidParameter(`${key} in Healthcheck cannot be less than 1ms`);
    }
  }
  if ((health.Retries ?? 0) < 0) throw invalidParameter("Retries in Healthcheck cannot be negative");
}

/** Options that exclude one another because of a shared network or UTS namespace. */
export function validateModes(config: ContainerConfig, host: HostConfig): void {
  const conflicting = (what: string) => {
    throw invalidParameter(`conflicting options: ${what}`);
  };
  const joins = host.NetworkMode === "container" || host.NetworkMode.startsWith("container:");
  const isHost = host.NetworkMode === "host";
  if (joins) {
    if (host.NetworkMode.slice("container:".length) === "") {
      throw invalidParameter("Invalid network mode: invalid container format container:<name|id>");
    }
    if (config.Hostname !== "") conflicting("hostname and the network mode");
    if (host.Links?.length) {
      conflicting("container type network can't be used with links. This would result in undefined behavior");
    }
    if (host.Dns?.length) conflicting("dns and the network mode");
    if (host.ExtraHosts?.length) conflicting("custom host-to-IP mapping and the network mode");
  }
  if ((joins || isHost) && config.MacAddress) conflicting("mac-address and the network mode");
  if (joins) {
    if (Object.keys(host.PortBindings ?? {}).length > 0 || host.PublishAllPorts) {
      conflicting("port publishing and the container type network mode");
    }
    if (Object.keys(config.ExposedPorts ?? {}).length > 0) {
      conflicting("port exposing and the container type network mode");
    }
  }
  if (host.UTSMode === "host" && config.Hostname !== "") conflicting("hostname and the UTS mode");
  if (isHost && host.Links?.length) {
    conflicting("host type networking can't be used with links. This would result in undefined behavior");
  }
}
