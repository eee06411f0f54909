import type { EngineContext } from "../context.ts";
import type { Container } from "./container.ts";

/** Docker's container event: labels, image and name, and what the action adds. */
export function containerEvent(
  engine: EngineContext,
  container: Container,
  action: string,
  extra: Record<string, string> = {},
): void {
  const { record } = container;
  engine.events.publish("container", action, container.id, {
    ...record.config.Labels,
    ...(record.config.Image === "" ? {} : { image: record.config.Image }),
    name: record.name,
    ...extra,
  });
}

/** `mount` when a container starts, `unmount` when it ended: one event for each volume. */
export function volumeEvents(engine: EngineContext, container: Container, action: "mount" | "unmount"): void {
  for (const mount of container.record.mounts) {
    if (mount.type !== "volume") continue;
    const attributes: Record<string, string> = { container: container.id, driver: mount.driver ?? "local" };
    if (action === "mount") {
      attributes.destination = mount.destination;
      attributes["read/write"] = String(mount.readWrite);
      attributes.propagation = mount.propagation;
    }
    engine.events.publish("volume", action, mount.name ?? "", attributes);
  }
}
