import type { ImageInspect, Volume } from "@berth/api";
import {
  type Client,
  containerList,
  type FilterValues,
  imageInspect,
  networkList,
  volumeList,
} from "@berth/client";
import { LABEL } from "../labels.ts";
import { type ObservedContainer, type ObservedProject, observedContainer } from "./observed.ts";

/** Labels as the `filters` of a list. */
export function projectFilter(project: string, ...more: string[]): FilterValues {
  return { label: [`${LABEL.project}=${project}`, ...more] };
}

/** Everything of a project: three requests side by side. @throws as the client. */
export async function observeProject(
  client: Client,
  name: string,
  signal?: AbortSignal,
): Promise<ObservedProject> {
  const options = { filters: projectFilter(name), ...(signal !== undefined && { signal }) };
  const [containers, networks, { Volumes: volumes }] = await Promise.all([
    observeContainers(client, name, { all: true }, signal),
    networkList(client, options),
    volumeList(client, options),
  ]);
  return { name, containers, networks, volumes: volumes ?? [] };
}

/** Volumes that have a name of the project's, but not its labels: made by hand, or by a restore. */
export async function observeUnlabelledVolumes(
  client: Client,
  names: readonly string[],
  signal?: AbortSignal,
): Promise<Volume[]> {
  if (names.length === 0) return [];
  // The daemon's filter takes parts of names too.
  const { Volumes: found } = await volumeList(client, {
    filters: { name: [...names] },
    ...(signal !== undefined && { signal }),
  });
  return (found ?? []).filter(({ Name }) => names.includes(Name));
}

/** The containers of a project, in the order of their names. `all`: those that do not run too. */
export async function observeContainers(
  client: Client,
  project: string,
  options: { all?: boolean; services?: readonly string[]; oneOff?: "include" | "exclude" | "only" } = {},
  signal?: AbortSignal,
): Promise<ObservedContainer[]> {
  const oneOff = options.oneOff ?? "include";
  const filters = projectFilter(
    project,
    ...(oneOff === "include" ? [] : [`${LABEL.oneOff}=${oneOff === "only" ? "True" : "False"}`]),
  );
  const summaries = await containerList(client, {
    all: options.all ?? false,
    filters,
    ...(signal !== undefined && { signal }),
  });
  const services = options.services ?? [];
  return summaries
    .map(observedContainer)
    .filter(({ service }) => services.length === 0 || services.includes(service))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

export type KnownImages = Map<string, ImageInspect | undefined>;

/** Each image once, side by side; undefined for those that are not there. */
export async function observeImages(
  client: Client,
  names: Iterable<string>,
  signal?: AbortSignal,
): Promise<KnownImages> {
  const images: KnownImages = new Map();
  await Promise.all(
    [...new Set(names)].map(async (name) => {
      try {
        images.set(name, await imageInspect(client, name, signal === undefined ? {} : { signal }));
      } catch (error) {
        if ((error as { status?: number }).status !== 404) throw error;
        images.set(name, undefined);
      }
    }),
  );
  return images;
}
