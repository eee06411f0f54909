import type { ProgressMessage } from "@berth/api";
import { decompress, detectStream } from "@berth/archive";
import { invalidParameter, messageOf } from "@berth/base";
import { parsePlatform, type Reference } from "@berth/spec";
import { applyChanges } from "../changes/apply.ts";
import { toContainerConfig } from "../config.ts";
import { type ImageContext, imageEvent } from "../context.ts";
import { MessageChannel } from "../progress.ts";
import type { ByteStream, ImportOptions } from "../store.ts";
import { now, repositoryAndTag } from "../tag.ts";
import { createImage, platformMembers, storedConfig } from "./create-image.ts";

/**
 * `POST /images/create?fromSrc=-`: a tar of a root filesystem becomes an image with one layer.
 * Yields the new image's id, as Docker does.
 */
export async function* importImage(
  context: ImageContext,
  tar: ByteStream,
  options: ImportOptions,
  signal: AbortSignal,
  comment = options.message || "Imported from -",
): AsyncGenerator<ProgressMessage> {
  const channel = new MessageChannel<ProgressMessage>();
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  const work = importTar(context, tar, options, comment, both).then((id) => channel.send({ status: id }));
  try {
    yield* channel.while(work);
  } finally {
    stop.abort();
  }
}

/** The id of the image that was made. @throws invalid-parameter for bad changes, names and archives. */
export async function importTar(
  context: ImageContext,
  tar: ByteStream,
  options: ImportOptions,
  comment: string,
  signal: AbortSignal,
  extra: { labels?: Record<string, string>; created?: string; createdBy?: string } = {},
): Promise<string> {
  const name = nameOf(options);
  const platform = options.platform ? parsePlatform(options.platform) : undefined;
  const config = applyChanges(
    toContainerConfig({ ...(extra.labels && { Labels: extra.labels }) }),
    options.changes,
  );
  using hold = context.holds.take();
  const { compression, source } = await detectStream(tar);
  await using writer = await context.content.writer({ lease: hold.lease });
  for await (const piece of decompress(compression, source)) {
    signal.throwIfAborted();
    writer.write(piece);
    await writer.drain();
  }
  signal.throwIfAborted();
  const blob = await writer.commit();
  if (blob.size === 0) throw invalidParameter("the archive is empty");
  const created = extra.created ?? now();
  const id = await createImage(
    context,
    {
      base: undefined,
      config: {
        ...platformMembers(platform),
        config: storedConfig(config),
        container_config: toContainerConfig(undefined),
        created,
      },
      layer: { diffId: blob.digest, tarSize: blob.size },
      history: { created, comment, ...(extra.createdBy && { created_by: extra.createdBy }) },
      parent: undefined,
      name,
    },
    hold,
    signal,
  );
  const image = context.catalog.get(id)!;
  imageEvent(context, "import", image, id, id);
  return id;
}

function nameOf({ repository, tag }: ImportOptions): Reference | undefined {
  return repository === "" ? undefined : repositoryAndTag(repository, tag);
}

const MAX_REDIRECTS_SECONDS = 60;

/** `fromSrc=http://…`. @throws invalid-parameter when it cannot be fetched. */
export async function* importUrl(
  context: ImageContext,
  url: string,
  options: ImportOptions,
  signal: AbortSignal,
): AsyncGenerator<ProgressMessage> {
  const address = parseUrl(url);
  let response: Response;
  const patience = AbortSignal.timeout(MAX_REDIRECTS_SECONDS * 1000);
  try {
    yield { status: `Downloading from ${address.href}` };
    const first = new AbortController();
    const onPatience = () => first.abort(patience.reason);
    patience.addEventListener("abort", onPatience);
    response = await fetch(address, { signal: AbortSignal.any([signal, first.signal]) });
    patience.removeEventListener("abort", onPatience);
  } catch (error) {
    throw invalidParameter(`Get ${JSON.stringify(address.href)}: ${messageOf(error)}`, { cause: error });
  }
  if (!response.ok || response.body === null) {
    throw invalidParameter(`Got HTTP status code >= 400: ${response.status} ${response.statusText}`.trim());
  }
  const comment = options.message || `Imported from ${address.href}`;
  yield* importImage(context, response.body as ByteStream, options, signal, comment);
}

/** A source without a scheme is HTTP. */
function parseUrl(text: string): URL {
  const url = URL.parse(/^[a-z]+:\/\//i.test(text) ? text : `http://${text}`);
  if (url === null || !["http:", "https:"].includes(url.protocol)) {
    throw invalidParameter(`unsupported source ${JSON.stringify(text.slice(0, 500))}`);
  }
  return url;
}
