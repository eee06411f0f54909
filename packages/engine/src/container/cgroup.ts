import { type Cgroup, openCgroup } from "@berth/linux";
import type { EngineContext } from "../context.ts";
import type { Container } from "./container.ts";

/** Where containers are put when nothing else is asked: Docker's place, where monitoring tools look. */
const DEFAULT_PARENT = "/docker";

/** Absolute, below the roots of the hierarchies, without a slash at its end. */
export function cgroupParent(engine: EngineContext, container: Pick<Container, "record">): string {
  const parent = container.record.hostConfig.CgroupParent || engine.settings.cgroupParent || DEFAULT_PARENT;
  return `${parent.startsWith("/") ? "" : "/"}${parent.replace(/\/+$/, "")}`;
}

export function cgroupOf(engine: EngineContext, container: Container): Cgroup {
  return openCgroup(`${cgroupParent(engine, container)}/${container.id}`);
}
