import { conflict, type Digest, notFound } from "@berth/base";
import { familiarReference } from "@berth/spec";
import { applyChanges } from "../changes/apply.ts";
import { mergeForCommit } from "../changes/merge.ts";
import { type ImageContext, imageEvent } from "../context.ts";
import type { CommitOptions } from "../store.ts";
import { now, repositoryAndTag } from "../tag.ts";
import { createImage, EMPTY_LAYER, type NewConfig, platformMembers, storedConfig } from "./create-image.ts";

/**
 * `POST /commit`: the container's image, one more layer with what the container changed, and the merged configuration.
 * @returns the new image's id. @throws invalid-parameter for bad changes and names; not-found when the image is gone.
 */
export async function commitContainer(
  context: ImageContext,
  options: CommitOptions,
  signal: AbortSignal,
): Promise<Digest> {
  const { catalog, content, snapshots } = context;
  const name = options.repository === "" ? undefined : repositoryAndTag(options.repository, options.tag);
  const asked = applyChanges(options.config ?? options.containerConfig, options.changes);
  const config = mergeForCommit(asked, options.containerConfig);
  const base = catalog.get(options.imageId);
  if (base === undefined) throw notFound(`No such image: ${options.imageId}`);

  using hold = context.holds.take();
  for (const layer of base.chain) {
    if (!snapshots.has(layer)) throw conflict(`layer ${layer} of image ${base.id} is not there`);
    hold.layer(layer);
  }
  const tar = context.jobs.packLayer(
    {
      folder: snapshots.writable(options.containerId).upperDirectory,
      base: snapshots.view(base.chain),
      kind: snapshots.driver === "vfs" ? "copy" : "overlay",
    },
    signal,
  );
  const blob = await content.ingest(tar, { lease: hold.lease, signal });
  const layer = blob.digest === EMPTY_LAYER ? undefined : { diffId: blob.digest, tarSize: blob.size };
  const created = now();
  const { architecture, os, variant } = base.config;
  const file: NewConfig = {
    ...(architecture === ""
      ? platformMembers()
      : { architecture, os, ...(variant !== undefined && { variant }) }),
    ...(base.config["os.version"] !== undefined && { "os.version": base.config["os.version"] }),
    ...(options.author !== "" && { author: options.author }),
    config: storedConfig(config),
    container: options.containerId,
    container_config: options.containerConfig,
    created,
  };
  const id = await createImage(
    context,
    {
      base: base.config,
      config: file,
      layer,
      history: {
        created,
        ...(options.author !== "" && { author: options.author }),
        created_by: (options.containerConfig.Cmd ?? []).join(" "),
        ...(options.comment !== "" && { comment: options.comment }),
      },
      // An image that is kept only for its containers is nobody's parent.
      parent: base.retained ? undefined : base.id,
      name,
    },
    hold,
    signal,
  );
  const image = catalog.get(id)!;
  if (name !== undefined) imageEvent(context, "tag", image, id, familiarReference(name));
  return id;
}
