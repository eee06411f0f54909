import type { NetworkInspect } from "@berth/api";
import { conflict, messageOf, notFound, systemError } from "@berth/base";
import { networkCreate, networkInspect, volumeCreate, volumeInspect } from "@berth/client";
import { resourceHash } from "../config-hash.ts";
import { COMPOSE_VERSION, LABEL } from "../labels.ts";
import type { Performer } from "./perform.ts";

const status = (error: unknown): number | undefined => (error as { status?: number }).status;

function absent(error: unknown): undefined {
  if (status(error) !== 404) throw error;
}

/** @throws conflict when a network of that name belongs to somebody else; not-found for an external one. */
export async function createNetwork(context: Performer, key: string): Promise<void> {
  const { client, target, progress } = context;
  const network = target.project.networks[key]!;
  const there = await networkInspect(client, network.name).catch(absent);
  if (network.external) {
    if (there !== undefined) return;
    throw notFound(`network ${network.name} declared as external, but could not be found`);
  }
  if (there !== undefined) return checkNetwork(context, key, there);
  const id = `Network ${network.name}`;
  progress.event({ id, text: "Creating", status: "working" });
  try {
    const { ipam } = network;
    await networkCreate(client, {
      Name: network.name,
      Driver: network.driver ?? "",
      Options: network.driver_opts ?? null,
      Internal: network.internal ?? false,
      Attachable: network.attachable ?? false,
      ...(network.enable_ipv6 !== undefined && { EnableIPv6: network.enable_ipv6 }),
      ...(network.enable_ipv4 !== undefined && { EnableIPv4: network.enable_ipv4 }),
      ...((ipam?.driver || ipam?.options || (ipam?.config?.length ?? 0) > 0) && {
        IPAM: {
          Driver: ipam.driver ?? "",
          ...(ipam.options && { Options: ipam.options }),
          Config: (ipam.config ?? []).map((pool) => ({
            ...(pool.subnet && { Subnet: pool.subnet }),
            ...(pool.ip_range && { IPRange: pool.ip_range }),
            ...(pool.gateway && { Gateway: pool.gateway }),
            ...(pool.aux_addresses && { AuxiliaryAddresses: pool.aux_addresses }),
          })),
        },
      }),
      Labels: {
        ...network.labels,
        [LABEL.configHash]: resourceHash(network),
        [LABEL.network]: key,
        [LABEL.project]: target.project.name,
        [LABEL.version]: COMPOSE_VERSION,
      },
    });
  } catch (error) {
    // Made by somebody else a moment ago.
    if (status(error) === 409) return checkNetwork(context, key, await networkInspect(client, network.name));
    progress.event({ id, text: "Error", status: "error" });
    throw systemError(
      `failed to create network ${network.name}: Error response from daemon: ${messageOf(error)}`,
    );
  }
  progress.event({ id, text: "Created", status: "done" });
}

function checkNetwork(context: Performer, key: string, there: NetworkInspect): void {
  const project = context.target.project.name;
  const labels = there.Labels ?? {};
  const found = labels[LABEL.network] ?? "";
  if (found !== key) {
    throw conflict(
      `network ${there.Name} was found but has incorrect label ${LABEL.network} set to ${JSON.stringify(found)} (expected: ${JSON.stringify(key)})`,
    );
  }
  if (labels[LABEL.project] === project) return;
  context.progress.warn(
    `a network with name ${there.Name} exists but was not created for project ${JSON.stringify(project)}.\nSet \`external: true\` to use an existing network`,
  );
}

/** @throws not-found for an external one. */
export async function createVolume(context: Performer, key: string): Promise<void> {
  const { client, target, progress } = context;
  const volume = target.project.volumes[key]!;
  const quoted = JSON.stringify(volume.name);
  const there = await volumeInspect(client, volume.name).catch(absent);
  if (volume.external) {
    if (there === undefined) throw notFound(`external volume ${quoted} not found`);
    return;
  }
  if (there !== undefined) {
    const owner = there.Labels?.[LABEL.project];
    if (owner === target.project.name) return;
    const made =
      owner === undefined
        ? "was not created by Docker Compose"
        : `was created for project ${JSON.stringify(owner)} (expected ${JSON.stringify(target.project.name)})`;
    progress.warn(
      `volume ${quoted} already exists but ${made}. Use \`external: true\` to use an existing volume`,
    );
    return;
  }
  const id = `Volume ${quoted}`;
  progress.event({ id, text: "Creating", status: "working" });
  try {
    await volumeCreate(client, {
      Name: volume.name,
      Driver: volume.driver ?? "",
      DriverOpts: volume.driver_opts ?? null,
      Labels: {
        ...volume.labels,
        [LABEL.configHash]: resourceHash(volume),
        [LABEL.project]: target.project.name,
        [LABEL.version]: COMPOSE_VERSION,
        [LABEL.volume]: key,
      },
    });
  } catch (error) {
    progress.event({ id, text: "Error", status: "error" });
    throw error;
  }
  progress.event({ id, text: "Created", status: "done" });
}
