import { writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import type {
  ContainerConfig,
  ContainerCreateResponse,
  EndpointSettings,
  HostConfig,
  NetworkingConfig,
} from "@berth/api";
import { invalidParameter, isKind, log, newId, notFound, nowNanoseconds, rfc3339Nano } from "@berth/base";
import type { ResolvedImage } from "@berth/image";
import { parseSecurityOptions } from "@berth/runtime";
import { formatPlatform, hostPlatform, normalisePlatform, parsePlatform, platformRank } from "@berth/spec";
import type { EngineContext } from "../context.ts";
import { type PlannedMount, planMounts } from "../mount/plan.ts";
import { checkVolumes, fillVolumes, resolveVolumes } from "../mount/volumes.ts";
import { type Container, newState } from "./container.ts";
import { defaultHostname, fillHostConfig } from "./defaults.ts";
import { containerEvent } from "./events.ts";
import { resolveLink } from "./links.ts";
import { validateLogConfig } from "./log-config.ts";
import { commandOf, mergeConfig } from "./merge.ts";
import { checkName, randomName } from "./names.ts";
import { plannedEndpoints, validateMac, validateNetworkingConfig } from "./network-mode.ts";
import { containerDirectory } from "./paths.ts";
import type { ContainerRecord } from "./record.ts";
import { validateConfig, validateModes } from "./validate-config.ts";
import { validateHostConfig } from "./validate-host-config.ts";
import { validateResources } from "./validate-resources.ts";

export interface CreateOptions {
  /** Absent: a random one. Without leading slash. */
  name?: string;
  /** `linux/amd64`; absent: the image's or the host's. */
  platform?: string;
  config: ContainerConfig;
  hostConfig: HostConfig;
  networkingConfig: NetworkingConfig;
  /** Minor API version of the request: some defaults depend on it. */
  apiVersion: number;
}

/**
 * Makes a container: checks everything, then one commit that holds the container and its volumes, then folders and content.
 * A failure takes back what was made; a daemon killed before the end finds the container marked incomplete and removes it.
 * @throws invalid-parameter, not-found, conflict with Docker's sentences.
 */
export async function createContainer(
  engine: EngineContext,
  options: CreateOptions,
  signal: AbortSignal,
): Promise<ContainerCreateResponse> {
  const { config: asked, hostConfig: askedHost, networkingConfig } = options;
  const warnings: string[] = [];
  const name = options.name === undefined ? undefined : checkName(options.name);

  // Most containers are started right after they are made.
  engine.runtime.announce();
  validateModes(asked, askedHost);
  validateConfig(asked);
  const { resources, warnings: resourceWarnings } = validateResources(askedHost, engine.facts, false);
  warnings.push(...resourceWarnings);
  validateHostConfig(resources);
  validateRuntime(engine, resources.Runtime);
  parseSecurityOptions(resources.SecurityOpt ?? []);
  validateNetworkingConfig(networkingConfig, options.apiVersion);
  if (asked.MacAddress) validateMac(asked.MacAddress);
  const image = asked.Image === "" ? undefined : engine.images.resolve(asked.Image);
  if (image) warnings.push(...platformWarnings(image, asked.Image, options.platform));
  const config = mergeConfig(asked, image?.config.config);
  if (askedHost.NetworkMode === "host" && Object.keys(askedHost.PortBindings ?? {}).length > 0) {
    warnings.push("Published ports are discarded when using host network mode");
  }
  const hostConfig = fillHostConfig(resources, engine.settings, engine.facts, options.apiVersion);
  validateLogConfig(hostConfig.LogConfig);
  for (const mode of [hostConfig.IpcMode, hostConfig.PidMode]) {
    if (mode.startsWith("container:")) requireContainer(engine, mode.slice("container:".length));
  }
  for (const link of hostConfig.Links ?? []) {
    const { target } = resolveLink(link, engine.containers);
    if (target.record.hostConfig.NetworkMode === "host") {
      throw invalidParameter(
        "conflicting options: host type networking can't be used with links. This would result in undefined behavior",
      );
    }
  }
  const planned = planMounts(config, hostConfig, engine.containers);
  checkVolumes(engine, planned);

  const id = newId();
  config.Hostname = defaultHostname(config, hostConfig, id, hostname());
  const container = register(engine, planned, {
    id,
    name: name ?? randomName((candidate) => !engine.containers.hasName(candidate)),
    created: rfc3339Nano(nowNanoseconds()),
    imageId: image?.id ?? "",
    chain: image?.chain ?? [],
    ...commandOf(config),
    config,
    hostConfig,
    endpoints: byName(engine, plannedEndpoints(config, hostConfig, networkingConfig)),
    mounts: [],
    ...(planned.length > 0 ? { incomplete: true } : {}),
  });
  try {
    await furnish(engine, container, signal);
  } catch (error) {
    await discard(engine, container);
    throw error;
  }
  containerEvent(engine, container, "create");
  return { Id: id, Warnings: warnings };
}

/** One transaction: the container's row and the volumes that it needs. */
function register(engine: EngineContext, planned: PlannedMount[], draft: ContainerRecord): Container {
  const durable = !draft.hostConfig.AutoRemove;
  return engine.transaction(() => {
    // First, because it refuses a name that is taken: no volume shall be made for that.
    const container = engine.containers.insert(draft, newState());
    try {
      if (planned.length > 0) {
        container.record = { ...draft, mounts: resolveVolumes(engine, planned, draft.id) };
        engine.containers.saveRecord(container);
      }
    } catch (error) {
      engine.containers.forget(container);
      throw error;
    }
    return container;
  }, durable);
}

/** Folders, writable layer, and the image's content in new volumes. */
async function furnish(engine: EngineContext, container: Container, signal: AbortSignal): Promise<void> {
  const { record } = container;
  const layer = await engine.snapshots.createWritable(record.id, { chain: record.chain });
  // By this file programs know that they are in a container.
  writeFileSync(join(layer.upperDirectory, ".dockerenv"), "", { mode: 0o755 });
  if (!record.incomplete) return;
  await fillVolumes(engine, record, signal);
  const { incomplete: _, ...complete } = record;
  container.record = complete;
  engine.containers.saveRecord(container);
}

/** Takes back a container that could not be made, or was found half-made when the daemon started. Does not throw. */
export async function discard(engine: EngineContext, container: Container): Promise<void> {
  const attempt = async (what: string, step: () => unknown) => {
    try {
      await step();
    } catch (error) {
      log.warn(`cannot take back ${what} of a container`, { container: container.id, error: error as Error });
    }
  };
  await attempt("the folder", () =>
    engine.snapshots.throwAway(containerDirectory(engine.settings, container.id)),
  );
  for (const mount of container.record.mounts) {
    if (mount.type !== "volume" || mount.name === undefined) continue;
    engine.volumes.release(mount.name, container.id);
    if (mount.anonymous) {
      await attempt("a volume", () => engine.volumes.remove(mount.name ?? "", { force: true }));
    }
  }
  await attempt("the record", () => engine.containers.delete(container));
}

/** Networks that a client named by id are remembered by name. One that is not there may still be made before the start. */
function byName(
  engine: EngineContext,
  endpoints: Record<string, EndpointSettings>,
): Record<string, EndpointSettings> {
  return Object.fromEntries(
    Object.entries(endpoints).map(([reference, asked]) => {
      try {
        return [engine.networks.lookUp(reference).name, asked];
      } catch {
        return [reference, asked];
      }
    }),
  );
}

/** Not "not found": clients would take that for the image, and pull it. @throws invalid-parameter. */
function requireContainer(engine: EngineContext, reference: string): void {
  try {
    engine.containers.get(reference);
  } catch (error) {
    throw isKind(error, "not-found") ? invalidParameter(error.message) : error;
  }
}

function validateRuntime(engine: EngineContext, name: string | undefined): void {
  if (!name) return;
  try {
    engine.settings.runtimes.get(name);
  } catch (error) {
    throw invalidParameter(`Unknown runtime specified ${name}`, { cause: error });
  }
}

/** @throws not-found when the image is of another platform than the one that was asked for: clients pull it then. */
function platformWarnings(image: ResolvedImage, name: string, asked: string | undefined): string[] {
  const { os, architecture, variant } = image.config;
  const own = normalisePlatform({ os: os || "linux", architecture, ...(variant && { variant }) });
  if (asked) {
    const wanted = parsePlatform(asked);
    if (architecture !== "" && platformRank(wanted, own) < 0) {
      throw notFound(
        `image with reference ${name} was found but its platform (${formatPlatform(own)}) does not match the specified platform (${formatPlatform(wanted)})`,
      );
    }
    return [];
  }
  const host = hostPlatform();
  if (architecture === "" || own.architecture === host.architecture) return [];
  return [
    `The requested image's platform (${formatPlatform(own)}) does not match the detected host platform (${formatPlatform(host)}) and no specific platform was requested`,
  ];
}
