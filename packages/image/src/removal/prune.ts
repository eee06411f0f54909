import { type Filters, type ImagesPruneReport, untilFilter } from "@berth/api";
import { conflict, type Digest, isKind, log, messageOf } from "@berth/base";
import { familiarReference } from "@berth/spec";
import type { ImageRecord } from "../catalog/catalog.ts";
import { createdTime, type ImageContext } from "../context.ts";
import { freeFetched } from "./free.ts";
import { removeImage } from "./remove.ts";

/**
 * Removes images without a name, or with `dangling=false` all that no container uses, and what pulls left that did not end.
 * One call at a time.
 */
export class ImagePruner {
  readonly #context: ImageContext;
  #running = false;

  constructor(context: ImageContext) {
    this.#context = context;
  }

  /** @throws conflict while another one runs; invalid-parameter for a bad filter. */
  async prune(filters: Filters, signal: AbortSignal): Promise<ImagesPruneReport> {
    if (this.#running) throw conflict("a prune operation is already running");
    this.#running = true;
    try {
      return await this.#prune(filters, signal);
    } finally {
      this.#running = false;
    }
  }

  async #prune(filters: Filters, signal: AbortSignal): Promise<ImagesPruneReport> {
    const { catalog, content, snapshots, emit } = this.#context;
    const danglingOnly = filters.boolean("dangling", true);
    const until = untilFilter(filters);
    const report: ImagesPruneReport = { ImagesDeleted: null, SpaceReclaimed: 0 };
    for (const image of catalog.visible()) {
      if (signal.aborted) break;
      if (!matches(image, filters, until)) continue;
      const layers = image.chain.filter((layer) => snapshots.has(layer) && !snapshots.isShared(layer));
      const sizes = new Map<Digest, number>(layers.map((layer) => [layer, snapshots.layerSize(layer)]));
      const items = await this.#removeUnused(image, danglingOnly);
      if (items.length === 0) continue;
      report.ImagesDeleted = [...(report.ImagesDeleted ?? []), ...items];
      for (const { Deleted } of items) report.SpaceReclaimed += sizes.get(Deleted as Digest) ?? 0;
    }
    if (!filters.has("label") && !filters.has("label!") && !signal.aborted) {
      const isOld = (time: number) => until === undefined || time <= until;
      report.SpaceReclaimed += await freeFetched(this.#context, (_, { fetched }) => isOld(fetched));
      report.SpaceReclaimed += await content.dropPartials((_, written) => isOld(written));
    }
    emit({ action: "prune", id: "", name: "", attributes: { reclaimed: String(report.SpaceReclaimed) } });
    return report;
  }

  async #removeUnused(image: ImageRecord, danglingOnly: boolean) {
    const { catalog } = this.#context;
    const references = catalog.references(image.id);
    if (references.length === 0 && catalog.children(image.id).length > 0) return [];
    if (danglingOnly && references.some((reference) => reference.digest === undefined)) return [];
    const names = references.length > 0 ? references.map(familiarReference) : [image.id];
    const items = [];
    for (const name of names) {
      try {
        items.push(...(await removeImage(this.#context, name, { force: false, prune: true })));
      } catch (error) {
        // In use, or gone meanwhile: not what prune is for.
        if (isKind(error, "conflict") || isKind(error, "not-found")) continue;
        log.warn("cannot prune an image", { image: name, error: messageOf(error) });
      }
    }
    return items;
  }
}

function matches(image: ImageRecord, filters: Filters, until: number | undefined): boolean {
  if (until !== undefined && createdTime(image) > until) return false;
  const labels = image.config.config?.Labels;
  if (!filters.labels("label", labels)) return false;
  return !(filters.has("label!") && filters.labels("label!", labels));
}
