import { join } from "node:path";
import type { EngineSettings } from "../context.ts";
import type { Container } from "./container.ts";

/** `<data-root>/containers/<id>` and what is in it. */
export function containerDirectory(settings: EngineSettings, id: string): string {
  return join(settings.dataRoot, "containers", id);
}

export function logPath(settings: EngineSettings, container: Container): string {
  if (container.record.hostConfig.LogConfig.Type !== "json-file") return "";
  return join(containerDirectory(settings, container.id), `${container.id}-json.log`);
}

export interface ContainerFiles {
  hostname: string;
  hosts: string;
  resolvConf: string;
}

export function containerFiles(settings: EngineSettings, id: string): ContainerFiles {
  const directory = containerDirectory(settings, id);
  return {
    hostname: join(directory, "hostname"),
    hosts: join(directory, "hosts"),
    resolvConf: join(directory, "resolv.conf"),
  };
}
