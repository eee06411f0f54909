import type { ProgressMessage } from "@berth/api";
import { decompress, detectStream } from "@berth/archive";
import { invalidParameter, systemError } from "@berth/base";
import { connectionWords } from "@berth/registry";
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

/** Milliseconds until a server must have begun to answer. */
const FIRST_BYTE_WITHIN = 60_000;
/** Characters of a refusal's body that are shown. */
const MOST_WORDS = 1024;

/** `fromSrc=http://…`. @throws system when it cannot be fetched. */
export async function* importUrl(
  context: ImageContext,
  url: string,
  options: ImportOptions,
  signal: AbortSignal,
): AsyncGenerator<ProgressMessage> {
  const address = parseUrl(url);
  const shown = withoutPassword(address);
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), FIRST_BYTE_WITHIN);
  let response: Response;
  try {
    response = await fetch(address, { signal: AbortSignal.any([signal, patience.signal]) });
  } catch (error) {
    signal.throwIfAborted();
    const cause = patience.signal.aborted ? { code: "ETIMEDOUT" } : error;
    const { words } = await connectionWords(address, cause, true);
    throw systemError(`Get ${JSON.stringify(shown)}: ${words}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
  if (!response.ok || response.body === null) {
    const why = await beginningOf(response);
    throw systemError(`failed to GET ${shown} with status ${response.status} ${response.statusText}: ${why}`);
  }
  yield { status: `Downloading from ${shown}` };
  // It stays in the image's history.
  const comment = options.message || `Imported from ${shown}`;
  yield* importImage(context, response.body as ByteStream, options, signal, comment);
}

/** What a refusal says, as far as it is worth showing. */
async function beginningOf(response: Response): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  try {
    for await (const piece of response.body ?? []) {
      text += decoder.decode(piece, { stream: true });
      if (text.length >= MOST_WORDS) break;
    }
  } catch {
    // Its status says enough.
  }
  return text.slice(0, MOST_WORDS);
}

function withoutPassword(url: URL): string {
  if (url.password === "") return url.href;
  const shown = new URL(url);
  shown.password = "***";
  return shown.href;
}

/** A source without a scheme is HTTP. */
function parseUrl(text: string): URL {
  const url = URL.parse(/^[a-z]+:\/\//i.test(text) ? text : `http://${text}`);
  if (url === null || !["http:", "https:"].includes(url.protocol)) {
    throw invalidParameter(`unsupported source ${JSON.stringify(text.slice(0, 500))}`);
  }
  return url;
}
