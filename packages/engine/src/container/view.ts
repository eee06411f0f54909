import type { EngineContext } from "../context.ts";
import type { ContainerView } from "../jobs.ts";
import { type Container, isAlive } from "./container.ts";

/** A container's files for `docker cp`: through its process when it runs, else its layers with volumes and binds. */
export function viewOf(engine: EngineContext, container: Container): ContainerView {
  if (isAlive(container)) return { kind: "running", pid: container.state.pid };
  const mounts = container.record.mounts
    .filter((mount) => mount.type === "bind" || mount.type === "volume")
    .map((mount) => {
      const use = mount.type === "volume" ? engine.volumes.use(mount.name ?? "") : undefined;
      return {
        destination: mount.destination,
        source: use?.path ?? mount.source,
        readOnly: !mount.readWrite,
        ...(use?.mount ? { mount: use.mount } : {}),
        ...(mount.spec?.VolumeOptions?.Subpath ? { subpath: mount.spec.VolumeOptions.Subpath } : {}),
      };
    })
    .sort((a, b) => a.destination.split("/").length - b.destination.split("/").length);
  return { kind: "stopped", rootfs: engine.snapshots.writable(container.id), mounts };
}
