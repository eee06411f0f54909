import { closeSync } from "node:fs";
import { BerthError, conflict, isKind, log, messageOf, notModified } from "@berth/base";
import type { Shim } from "@berth/runtime";
import type { EngineContext } from "../context.ts";
import { prepareMounts } from "../mount/launch.ts";
import { endpointEvents } from "../network/events.ts";
import { type Container, isAlive } from "./container.ts";
import { containerEvent, volumeEvents } from "./events.ts";
import { watchExit } from "./exit.ts";
import { startHealth } from "./health.ts";
import { updateLinking, writeHostFiles } from "./host-files.ts";
import { launchOf, networkState, type PreparedNetwork, prepareNetwork } from "./launch.ts";
import { removeLocked } from "./removal.ts";
import { specOf } from "./spec.ts";

/** Exit code of a container whose start failed before its command was tried. */
const START_FAILED = 128;

/** @throws not-modified when it runs; conflict; what made the start fail, in Docker's words. */
export async function startContainer(engine: EngineContext, reference: string): Promise<void> {
  const container = engine.containers.get(reference);
  using _held = await container.lock.lock();
  await startUnlessRunning(engine, container);
}

export async function startUnlessRunning(engine: EngineContext, container: Container): Promise<void> {
  const { state } = container;
  if (state.paused) throw conflict("cannot start a paused container, try unpause instead");
  if (state.removing || state.dead) {
    throw conflict("container is marked for removal and cannot be started");
  }
  if (isAlive(container)) throw notModified("container is already running");
  engine.restarts.cancel(container);
  state.restartCount = 0;
  state.manuallyStopped = false;
  try {
    await startLocked(engine, container, { byPolicy: false });
  } catch (error) {
    if (container.record.hostConfig.AutoRemove && !container.keepOnExit) {
      await removeLocked(engine, container, { volumes: true }).catch((failure: unknown) =>
        log.warn("cannot remove a container", { container: container.id, error: messageOf(failure) }),
      );
    }
    throw error;
  }
}

/**
 * Network, files, shim, attached streams, published ports, process: in this order, and taken back in the other one
 * when a step fails. The caller holds the lock. State is stored once, when the process runs: a daemon killed before
 * finds the shim (`restore`), or nothing.
 */
export async function startLocked(
  engine: EngineContext,
  container: Container,
  options: { byPolicy: boolean },
): Promise<void> {
  const { state } = container;
  engine.runtime.announce();
  container.exitOnNext = false;
  container.keepOnExit = false;
  try {
    await launch(engine, container);
  } catch (error) {
    state.running = false;
    state.restarting = false;
    state.pid = 0;
    state.error = messageOf(error);
    state.exitCode = (error instanceof BerthError ? error.exitCode : undefined) ?? START_FAILED;
    delete state.network;
    engine.containers.saveState(container);
    container.attaches.failAll();
    // Without the sentence: the client that started it gets that.
    if (!options.byPolicy) container.waiters.exited({ statusCode: state.exitCode });
    throw error;
  }
}

async function launch(engine: EngineContext, container: Container): Promise<void> {
  await using undo = new AsyncDisposableStack();
  const { state } = container;
  await ensureFurnished(engine, container);

  const network = await prepareNetwork(engine, container);
  if (network.joined === undefined) undo.defer(() => engine.networks.release(container.id));
  const shim = await launchShim(engine, container, network);
  undo.defer(() => shim.abandon());
  // From here on streams connect by themselves.
  container.shim = shim;
  undo.defer(() => void delete container.shim);

  // All is asked for at once: the shim does it in this order when its sandbox stands.
  const attached = connectAttaches(container, shim);
  attached.catch(() => {}); // Seen below.
  if (network.joined === undefined) await engine.networks.publish(container.id);
  const [{ pid, startedAt }] = await Promise.all([shim.start(), attached]);
  undo.move();

  Object.assign(state, {
    running: true,
    paused: false,
    restarting: false,
    dead: false,
    pid,
    exitCode: 0,
    error: "",
    oomKilled: false,
    startedAt,
    network: networkState(
      container,
      network.endpoints,
      network.ports,
      network.joined?.state.network?.sandboxId,
    ),
  });
  updateLinking(engine, container);
  startHealth(engine, container, true);
  engine.containers.saveState(container);
  endpointEvents(engine, container.id, "connect", network.endpoints);
  volumeEvents(engine, container, "mount");
  containerEvent(engine, container, "start");
  watchExit(engine, container, shim);
}

/** Folders that a power failure may have taken: their creation is not waited for. */
async function ensureFurnished(engine: EngineContext, container: Container): Promise<void> {
  try {
    engine.snapshots.writable(container.id);
  } catch (error) {
    if (!isKind(error, "not-found")) throw error;
    await engine.snapshots.createWritable(container.id, { chain: container.record.chain });
  }
}

async function launchShim(
  engine: EngineContext,
  container: Container,
  network: PreparedNetwork,
): Promise<Shim> {
  // The runtime closes the descriptors, but only once it has them.
  let descriptors = network.descriptors;
  try {
    if (network.joined === undefined) {
      writeHostFiles(engine, container, network.endpoints, network.resolvConf);
    }
    const mounts = await prepareMounts(engine, container);
    const spec = specOf(engine, container, network, mounts);
    const launched = launchOf(engine, container, network, spec);
    descriptors = [];
    return await engine.runtime.launch(launched, network.descriptors);
  } finally {
    for (const fd of descriptors) closeSync(fd);
  }
}

/** Streams that clients opened before the start get everything from the first byte. */
async function connectAttaches(container: Container, shim: Shim): Promise<void> {
  await Promise.all(
    container.attaches.take().map(async (pending) => {
      try {
        pending.connect(await shim.attach(pending.streams));
      } catch (error) {
        pending.fail();
        throw error;
      }
    }),
  );
}
