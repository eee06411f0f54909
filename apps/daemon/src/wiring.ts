import { join } from "node:path";
import { Filters, type ImageSummary } from "@berth/api";
import { workerCommand } from "@berth/archive";
import { log, messageOf } from "@berth/base";
import { openContent } from "@berth/content";
import {
  containerBackend,
  createEngine,
  diskUsage,
  type EngineContext,
  execBackend,
  networkBackend,
  restoreContainers,
  SystemFacts,
  shutDown,
} from "@berth/engine";
import { type ImageStore, openImageStore, workerImageJobs } from "@berth/image";
import { cgroupMode } from "@berth/linux";
import { NetworkController } from "@berth/network";
import { createRegistryClient } from "@berth/registry";
import { buildSpec, capabilitySets, readSpecHost, ShimRuntime } from "@berth/runtime";
import type { Backends } from "@berth/server";
import { openState } from "@berth/state";
import type { DaemonConfig } from "./config/options.ts";
import { containerJobs } from "./jobs/container-jobs.ts";
import { backingFilesystem } from "./wiring/backing-filesystem.ts";
import { lockBridge } from "./wiring/bridge-lock.ts";
import { openBuilder } from "./wiring/builder.ts";
import { engineSettings, ociRuntimes } from "./wiring/containers.ts";
import { engineNetworks } from "./wiring/engine-networks.ts";
import { networkSettings } from "./wiring/network-settings.ts";
import { registryBackend, registrySettings, transferLimits, transfers } from "./wiring/registries.ts";
import { keepBackup } from "./wiring/state-backup.ts";
import { openSnapshots } from "./wiring/storage.ts";
import { systemSettings } from "./wiring/system-settings.ts";

/** The engine with all its parts, started. */
export interface Daemon {
  backends: Backends;
  /** Takes over reloadable settings. */
  reload(config: DaemonConfig): void;
  /** Ends the engine; containers are stopped unless they are to be kept. Returns when all is on disk. */
  stop(options: { keepContainers: boolean; timeoutSeconds: number }): Promise<void>;
}

/**
 * Makes every part of the engine and joins them: the only place that names implementations. Containers that run are found
 * again before it returns. What was made is undone when a later part fails. @throws BerthError.
 */
export async function wire(initial: DaemonConfig): Promise<Daemon> {
  let config = initial;
  await using undo = new AsyncDisposableStack();
  const { dataRoot, execRoot } = config;

  const state = undo.use(openState(join(dataRoot, "state.db")));
  undo.use(keepBackup(state));
  const content = openContent(join(dataRoot, "content"));
  const snapshots = undo.use(await openSnapshots(dataRoot, config.storageDriver));
  const registry = createRegistryClient(() => registrySettings(config));
  const images = undo.use(
    openImageStore({
      ...{ dataRoot, state, content, snapshots, registry },
      jobs: workerImageJobs(),
      limits: () => transferLimits(config),
    }),
  );

  const runtimes = ociRuntimes(config);
  const runtime = new ShimRuntime({
    execRoot,
    shimServer: [...workerCommand().slice(0, -1), "shim-server"],
    hideUnifiedCgroup: cgroupMode() === "hybrid",
  });
  undo.defer(() => runtime.close());
  await runtimes.try(runtime, join(execRoot, "trial"));

  const ofNetworks = networkSettings(config);
  if (ofNetworks.bridge !== "none") undo.use(lockBridge(ofNetworks.bridge));
  const networks = new NetworkController(state, ofNetworks);
  const host = readSpecHost();
  const engine = createEngine({
    state,
    settings: engineSettings(config, runtimes),
    runtime,
    networks: engineNetworks(networks, config),
    images,
    snapshots,
    jobs: containerJobs(),
    buildSpec: (input) => {
      const { spec, warnings } = buildSpec({ ...input, host });
      for (const warning of warnings) log.warn("an option of a container has no effect", { warning });
      return spec;
    },
    allCapabilities: () => capabilitySets(host.capabilities),
  });
  joinImagesAndContainers(images, engine);
  // Before the containers are looked for: what builds have left is none of them.
  const builder = undo.use(await openBuilder(engine, config, { snapshots, content, images, registry }));
  const { started } = await restoreContainers(engine);
  undo.use(networks.watch());
  await runtime.sweep();
  const background = Promise.all([started, images.collect()]).catch((error) =>
    log.error("after the start", { error: messageOf(error) }),
  );

  const facts = systemSettings(() => config);
  const system = new SystemFacts(engine, facts, {
    backingFilesystem: backingFilesystem(dataRoot),
    images: async () => (await images.list({ all: true, sharedSize: false, filters: new Filters() })).length,
  });
  const held = undo.move();
  return {
    backends: {
      containers: containerBackend(engine, images),
      execs: execBackend(engine),
      images: imageBackend(images),
      networks: networkBackend(engine),
      registry: registryBackend(registry),
      volumes: engine.volumes,
      system: systemBackend(engine, images, system, () => config),
      builds: builder,
    },
    reload(next) {
      config = next;
      engine.settings.runtimes = ociRuntimes(next);
      engine.events.publish("daemon", "reload", facts.id, {
        debug: String(next.debug),
        labels: JSON.stringify(next.labels),
        "live-restore": String(next.liveRestore),
      });
    },
    async stop(options) {
      await using _held = held;
      await shutDown(engine, options);
      await background;
    },
  };
}

/** Images know which containers use them, and what happens to them is among the engine's events. */
function joinImagesAndContainers(images: ImageStore, engine: EngineContext): void {
  images.setUsers(function* () {
    for (const { id, record, state } of engine.containers.all()) {
      if (record.imageId !== "") yield { containerId: id, imageId: record.imageId, running: state.running };
    }
  });
  images.subscribe(({ action, id, name, attributes }) =>
    engine.events.publish("image", action, id, { ...attributes, ...(name !== "" && { name }) }),
  );
}

function imageBackend(images: ImageStore): Backends["images"] {
  return {
    list: (options) => images.list(options),
    inspect: (name, options) => images.inspect(name, options),
    history: (name, options) => images.history(name, options),
    tag: (name, repository, tag) => images.tag(name, repository, tag),
    remove: (name, options) => images.remove(name, options),
    prune: (filters, signal) => images.prune(filters, signal),
    save: (names, options, signal) => images.save(names, options, signal),
    load: (tar, options, signal) => images.load(tar, options, signal),
    import: (tar, options, signal) => images.import(tar, options, signal),
    importFromUrl: (url, options, signal) => images.importFromUrl(url, options, signal),
    bootstrap: (name, options, signal) => images.bootstrap(name, options, signal),
    ...transfers(images),
  };
}

function systemBackend(
  engine: EngineContext,
  images: ImageStore,
  system: SystemFacts,
  config: () => DaemonConfig,
): Backends["system"] {
  return {
    prefersBuildKit: () => config().features.buildkit ?? true,
    info: () => system.info(),
    version: () => system.version(),
    diskUsage: (options, signal) =>
      diskUsage(
        engine,
        {
          images: () => usedImages(engine, images),
          layersSize: async () => (await images.diskUsage()).layersSize,
        },
        options,
        signal,
      ),
    events: async (options, signal) => engine.events.subscribe(options, signal),
  };
}

/** Images with the number of containers that were made from each: only disk usage counts them. */
async function usedImages(engine: EngineContext, images: ImageStore): Promise<ImageSummary[]> {
  const counts = new Map<string, number>();
  for (const { record } of engine.containers.all()) {
    counts.set(record.imageId, (counts.get(record.imageId) ?? 0) + 1);
  }
  const found = await images.list({ all: false, sharedSize: true, filters: new Filters() });
  return found.map((image) => ({ ...image, Containers: counts.get(image.Id) ?? 0 }));
}
