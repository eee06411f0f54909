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
import { copiedFiles, filesHash } from "../container/copies.ts";
import { containerLabels } from "../container/names.ts";
import { securityOptionsOf } from "../container/security.ts";
import { type TarEntry, tarOf } from "../container/tar.ts";
import { LABEL } from "../labels.ts";
import type { Operation } from "../plan/operation.ts";
import { type NamedService, serviceOf } from "../target.ts";
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
  const files = await copiedFiles(target, service);
  if (files.length > 0) labels[LABEL.filesHash] = filesHash(files);
  const plan = containerPlan(target, service, {
    name: operation.container,
    labels,
    references: index,
    inherited: replaces?.keepVolumes ? await inheritedMounts(context, replaces.id) : [],
    ...(service.security_opt !== undefined && { securityOptions: await securityOptionsOf(target, service) }),
  });
  const name =
    replaces === undefined ? operation.container : `${replaces.id.slice(0, 12)}_${operation.container}`;
  const id = await makeContainer(context, service, plan, name, files);
  index.set({ id, name: operation.container, service: service.name, number: operation.number });
}

/** POST /containers/create and what belongs to it. Nothing is left when a part fails. @returns the id. */
export async function makeContainer(
  context: Pick<Performer, "client" | "progress">,
  service: NamedService,
  plan: ContainerPlan,
  name: string,
  files: readonly TarEntry[],
): Promise<string> {
  const { client } = context;
  const { Id: id, Warnings: warnings } = await containerCreate(client, (version) => plan.request(version), {
    name,
    ...(service.platform && { platform: service.platform }),
  });
  for (const warning of warnings ?? []) context.progress.warn(warning);
  try {
    for (const [network, endpoint] of Object.entries(plan.connectLater(client.apiVersion))) {
      await networkConnect(client, network, { Container: id, EndpointConfig: endpoint });
    }
    if (files.length > 0) {
      await containerPutArchive(client, id, "/", tarOf(files), { copyUIDGID: true });
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
