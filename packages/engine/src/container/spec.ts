import { conflict } from "@berth/base";
import type { OciSpec, SpecInput, SpecMount } from "@berth/runtime";
import type { EngineContext } from "../context.ts";
import { cgroupParent } from "./cgroup.ts";
import type { Container } from "./container.ts";
import { processEnvironment } from "./environment.ts";
import { networkNamespace, type PreparedNetwork, runningContainer } from "./launch.ts";
import { containerFiles } from "./paths.ts";

/** The OCI spec of a start. @throws with Docker's sentences. */
export function specOf(
  engine: EngineContext,
  container: Container,
  network: PreparedNetwork,
  mounts: readonly SpecMount[],
): OciSpec {
  const { record } = container;
  const { hostConfig } = record;
  const { settings } = engine;
  // Who shares a container's network has its name too, as Docker does.
  const { Hostname, Domainname } = (network.joined ?? container).record.config;
  const config = { ...record.config, Hostname, Domainname };
  return engine.buildSpec({
    id: container.id,
    config,
    hostConfig,
    args: [record.path, ...record.args],
    env: processEnvironment(engine, container, config.Tty),
    mounts,
    files: containerFiles(settings, (network.joined ?? container).id),
    joins: joins(engine, container, network),
    cgroupParent: cgroupParent(engine, container),
    defaultUlimits: settings.ulimits,
    defaultShmSize: settings.shmSize,
    initPath: settings.initPath,
    initByDefault: settings.init,
    noNewPrivilegesByDefault: settings.noNewPrivileges,
  });
}

/** Namespaces of other containers that this one shares. @throws conflict when one of them does not run. */
function joins(
  engine: EngineContext,
  container: Container,
  network: PreparedNetwork,
): NonNullable<SpecInput["joins"]> {
  const { IpcMode: ipc, PidMode: pid } = container.record.hostConfig;
  const found: NonNullable<SpecInput["joins"]> = {};
  if (network.joined) found.network = networkNamespace(network.joined);
  if (pid.startsWith("container:")) {
    const target = runningContainer(
      engine,
      pid.slice("container:".length),
      container,
      ({ id }) => `container ${id} is not running`,
    );
    found.pid = `/proc/${target.state.pid}/ns/pid`;
  }
  if (ipc.startsWith("container:")) {
    const failed = (id: string, reason: string) => `can't join IPC of container ${id}: ${reason}`;
    const target = runningContainer(engine, ipc.slice("container:".length), container, ({ id }) =>
      failed(id, `container ${id} is not running`),
    );
    // Who has an IPC namespace of its own may keep it to itself: that is the default.
    if (["private", "none"].includes(target.record.hostConfig.IpcMode)) {
      const reason = "non-shareable IPC (hint: use IpcMode:shareable for the donor container)";
      throw conflict(failed(target.id, reason));
    }
    found.ipc = `/proc/${target.state.pid}/ns/ipc`;
    found.shm = `/proc/${target.state.pid}/root/dev/shm`;
  }
  return found;
}
