import type { MountPoint } from "@berth/api";
import { systemError } from "@berth/base";
import {
  containerCreate,
  containerInspect,
  containerPutArchive,
  containerRemove,
  networkConnect,
} from "@berth/client";
import { configHash } from "../config-hash.ts";
import { type ContainerPlan, containerPlan } from "../container/body.ts";
import { type CopiedFile, filesOf } from "../container/files.ts";
import { containerLabels } from "../container/names.ts";
import { securityOptionsOf } from "../container/security.ts";
import { tarOf } from "../container/tar.ts";
import type { Operation } from "../plan/operation.ts";
import { type NamedService, serviceOf, type Target } from "../target.ts";
import type { Performer } from "./perform.ts";

type Create = Extract<Operation, { kind: "create-container" }>;

/**
 * Makes a service's container, with its files and all its networks, and adds it to the index. In another's place it gets a
 * name of its own for the time being: the old one stays until the new one stands.
 */
export async function createContainer(context: Performer, operation: Create): Promise<void> {
  const { target, index } = context;
  const named = serviceOf(target, operation.service);
  if (named === undefined) throw systemError(`no such service: ${operation.service}`);
  const service = { ...named, image: context.imageNames.get(named.name) ?? named.image ?? "" };
  const { replaces } = operation;
  const labels = containerLabels(target, service, {
    number: operation.number,
    oneOff: false,
    configHash:
      configHash(target.project.services[named.name]!, context.render, (name) => index.containersOf(name)) ??
      "",
    imageId: context.imageIds.get(service.name) ?? "",
    ...(replaces !== undefined && { replaces: replaces.id }),
  });
  const plan = containerPlan(target, service, {
    name: operation.container,
    labels,
    references: index,
    inherited: replaces?.keepVolumes ? await inheritedMounts(context, replaces.id) : [],
    ...(service.security_opt !== undefined && { securityOptions: await securityOptionsOf(target, service) }),
  });
  const name =
    replaces === undefined ? operation.container : `${replaces.id.slice(0, 12)}_${operation.container}`;
  const id = await makeContainer(context, service, plan, name);
  index.set({ id, name: operation.container, service: service.name, number: operation.number });
}

/** POST /containers/create and what belongs to it. Nothing is left when a part fails. @returns the id. */
export async function makeContainer(
  context: Pick<Performer, "client" | "target" | "progress">,
  service: NamedService,
  plan: ContainerPlan,
  name: string,
): Promise<string> {
  const { client, target } = context;
  const { Id: id, Warnings: warnings } = await containerCreate(client, (version) => plan.request(version), {
    name,
    ...(service.platform && { platform: service.platform }),
  });
  for (const warning of warnings ?? []) context.progress.warn(warning);
  try {
    for (const [network, endpoint] of Object.entries(plan.connectLater(client.apiVersion))) {
      await networkConnect(client, network, { Container: id, EndpointConfig: endpoint });
    }
    const { copies } = filesOf(target, service);
    if (copies.length > 0) {
      await containerPutArchive(client, id, "/", await archiveOf(target, copies), { copyUIDGID: true });
    }
  } catch (error) {
    await containerRemove(client, id, { force: true, volumes: true }).catch(() => {});
    throw error;
  }
  return id;
}

async function inheritedMounts(context: Performer, id: string): Promise<readonly MountPoint[]> {
  const { summary } = context.index.observed(id) ?? {};
  // The list tells them, so that there is nothing to ask in most cases.
  if (summary?.Mounts !== undefined) return summary.Mounts;
  return (await containerInspect(context.client, id)).Mounts;
}

async function archiveOf(target: Target, copies: readonly CopiedFile[]): Promise<Uint8Array> {
  const { readFile } = await import("node:fs/promises");
  const { resolve } = await import("node:path");
  const read = async ({ content }: CopiedFile): Promise<Uint8Array> =>
    typeof content === "string"
      ? new TextEncoder().encode(content)
      : new Uint8Array(await readFile(resolve(target.workingDirectory, content.file)));
  return tarOf(await Promise.all(copies.map(async (copy) => ({ ...copy, content: await read(copy) }))));
}
