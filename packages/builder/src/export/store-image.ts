import { type Digest, invalidParameter } from "@berth/base";
import type { PublishedLayer } from "@berth/image";
import { chainIds, parseReference, type Reference, withDefaultTag } from "@berth/spec";
import type { BuildScope } from "../solve/scope.ts";
import type { Step } from "../solve/steps.ts";
import type { BuiltPlatform } from "./built.ts";
import { type ExportImage, exportImage } from "./image-config.ts";
import type { LayerDigests } from "./layer-digests.ts";

/** Which tars the layers are, and the configuration made of it. */
export async function describeImage(
  scope: BuildScope,
  built: BuiltPlatform,
  digests: LayerDigests,
  cacheInfo: () => string | undefined = () => undefined,
): Promise<ExportImage> {
  const { snapshots } = scope.context.parts;
  const { solved, base } = built;
  const baseChain = chainIds(base?.diffIds ?? []);
  const below: Digest[] = [...solved.chain.slice(0, solved.chain.length - layersOf(built))];
  await Promise.all(
    solved.results.map((result) => {
      const under = [...below];
      if (result.layer !== undefined) below.push(result.layer);
      return digests.describe(result, under, scope.signal);
    }),
  );
  const info = cacheInfo();
  return exportImage(
    built.graph.image,
    base,
    baseChain.map((layer) => snapshots.layerSize(layer)),
    solved.results,
    { epoch: scope.epoch, ...(info !== undefined && { cacheInfo: info }) },
  );
}

function layersOf({ solved }: BuiltPlatform): number {
  return solved.results.filter((result) => result.layer !== undefined).length;
}

/** Names of an exporter's `name` attribute. @throws invalid-parameter */
export function namesOf(attribute: string | undefined): Reference[] {
  return (attribute ?? "")
    .split(",")
    .filter((name) => name !== "")
    .map((name) => {
      const reference = parseReference(name);
      if (reference.digest !== undefined)
        throw invalidParameter(`invalid tag ${JSON.stringify(name)}: a digest is no name`);
      return withDefaultTag(reference);
    });
}

/** Puts an image into the local store. */
export async function storeImage(
  scope: BuildScope,
  image: ExportImage,
  names: readonly Reference[],
  step: Step,
): Promise<Digest> {
  const { images } = scope.context.parts;
  const layers = image.layers.map(
    ({ diffId, size, result }): PublishedLayer => ({
      diffId,
      size,
      ...(result?.layer !== undefined && { from: result.layer }),
    }),
  );
  const id = await images.publish({ config: image.bytes, layers, names }, scope.hold, scope.signal);
  step.status(`writing image ${id}`, 0, 0, true);
  for (const name of names) step.status(`naming to ${fullName(name)}`, 0, 0, true);
  return id;
}

export function fullName(reference: Reference): string {
  return `${reference.domain}/${reference.path}${reference.tag === undefined ? "" : `:${reference.tag}`}`;
}
