import { Filters, hostConfigDecoder } from "@berth/api";
import { type Builder, type BuilderParts, createBuilder } from "@berth/builder";
import { type EngineContext, networkOfContainer } from "@berth/engine";
import type { DaemonConfig } from "../config/options.ts";

/** The builder on the engine's parts. Steps that an earlier daemon left are ended before it returns. */
export async function openBuilder(
  engine: EngineContext,
  config: DaemonConfig,
  parts: Pick<BuilderParts, "snapshots" | "content" | "images" | "registry">,
): Promise<Builder> {
  const { settings } = engine;
  return await createBuilder({
    ...parts,
    dataRoot: config.dataRoot,
    execRoot: config.execRoot,
    runtime: engine.runtime,
    networks: engine.networks,
    networkOfContainer: (reference) => networkOfContainer(engine, reference),
    ociRuntime: (name) => settings.runtimes.get(name),
    buildSpec: (input) => engine.buildSpec(input),
    defaultHostConfig: () => ({
      ...hostConfigDecoder({}, { struct: "HostConfig", path: "" }),
      IpcMode: "private",
      CgroupnsMode: settings.cgroupnsMode || (engine.facts.cgroupVersion === 2 ? "private" : "host"),
    }),
    onPrune: (reclaimed) => engine.events.publish("builder", "prune", "", { reclaimed: String(reclaimed) }),
    settings: {
      ulimits: settings.ulimits,
      shmSize: settings.shmSize,
      cgroupParent: settings.cgroupParent,
      dns: { servers: [], search: [], options: [] },
      collection: config.buildCollection.map(({ filters, ...limits }) => ({
        ...limits,
        filters: new Filters(Object.entries(filters)),
      })),
    },
  });
}
