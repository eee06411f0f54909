import type { ProgressMessage } from "@berth/api";
import type { Login, Repository } from "@berth/registry";
import {
  familiarReference,
  familiarRepository,
  hostPlatform,
  normalisePlatform,
  type Platform,
  platformRank,
  type Reference,
} from "@berth/spec";
import type { ImageRecord } from "../catalog/catalog.ts";
import type { ImageContext } from "../context.ts";
import { MessageChannel } from "../progress.ts";
import type { PullOptions } from "../store.ts";
import { requestedPlatform } from "../views/inspect.ts";
import { chooseManifest } from "./choose.ts";
import { pullError } from "./errors.ts";
import { fetchImage } from "./fetch-image.ts";
import { referenceOf } from "./references.ts";

export type Send = (message: ProgressMessage) => void;

/** `POST /images/create?fromImage=…`. Throws before the first message what makes the whole pull impossible. */
export async function* pullImages(
  context: ImageContext,
  options: PullOptions,
  signal: AbortSignal,
): AsyncGenerator<ProgressMessage> {
  const reference = referenceOf(options.image, options.tag);
  const platform = options.platform ? requestedPlatform(options.platform) : undefined;
  const channel = new MessageChannel<ProgressMessage>();
  // The work ends too when the reader of the messages goes away.
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  try {
    yield* channel.while(pull(context, reference, platform, options.login, channel.send, both));
  } finally {
    stop.abort();
  }
}

async function pull(
  context: ImageContext,
  reference: Reference,
  platform: Platform | undefined,
  login: Login | undefined,
  send: Send,
  signal: AbortSignal,
): Promise<void> {
  const repository = openRepository(context, reference, login);
  let newer = false;
  try {
    if (reference.tag === undefined && reference.digest === undefined) {
      for (const tag of await repository.tags(signal)) {
        if (await pullOne(context, repository, { ...reference, tag }, platform, send, signal)) newer = true;
      }
    } else {
      newer = await pullOne(context, repository, reference, platform, send, signal);
    }
  } catch (error) {
    throw pullError(error, reference);
  }
  const name = familiarReference(reference);
  send({ status: `Status: ${newer ? "Downloaded newer image" : "Image is up to date"} for ${name}` });
  pullEvent(context, reference);
}

/** A repository, on behalf of who asked. Credentials are only for the registry that the name says. */
export function openRepository(
  context: ImageContext,
  { domain, path }: Reference,
  login: Login | undefined,
): Repository {
  const credentials = { find: (asked: string) => (asked === domain ? login : undefined) };
  return context.transfers.registry.repository({ domain, path }, { credentials });
}

function pullEvent(context: ImageContext, reference: Reference): void {
  const id = context.catalog.idOf(reference);
  const labels = id === undefined ? {} : context.catalog.get(id)?.config.config?.Labels;
  context.emit({
    action: "pull",
    id: familiarReference(reference),
    name: familiarRepository(reference),
    attributes: { ...labels },
  });
}

/** @returns whether the name means another image now. */
async function pullOne(
  context: ImageContext,
  repository: Repository,
  reference: Reference,
  platform: Platform | undefined,
  send: Send,
  signal: AbortSignal,
): Promise<boolean> {
  const { catalog } = context;
  const { domain, path, tag, digest } = reference;
  const selector = digest === undefined ? { tag: tag! } : { digest };
  const wanted = platform ?? hostPlatform();
  const begin = () =>
    send({ status: `Pulling from ${path}`, id: digest === undefined ? tag! : familiarReference(reference) });
  const before = catalog.idOf(reference);
  if (serves(before === undefined ? undefined : catalog.get(before), wanted, platform !== undefined)) {
    // Nothing but its head is asked for as long as the tag means what it meant.
    const head = await repository.resolve(selector, signal);
    if (head !== undefined && catalog.idOf({ domain, path, digest: head.digest }) === before) {
      begin();
      send({ status: `Digest: ${head.digest}` });
      return false;
    }
  }
  const chosen = await chooseManifest(repository, selector, wanted, signal, begin);
  using hold = context.holds.take();
  const image = await fetchImage(context, repository, chosen, hold, send, signal);
  signal.throwIfAborted();
  const canonical: Reference = { domain, path, digest: chosen.top.digest };
  const isNew = catalog.idOf(reference) !== image.id;
  catalog.change((change) => {
    for (const [diffId, blob] of image.blobs) change.setLayerBlob(diffId, blob);
    change.add({ bytes: image.configBytes });
    for (const chainId of image.chain) change.removeFetched(chainId);
    for (const [diffId, source] of image.sources) change.addLayerSource(diffId, source);
    change.setManifest(image.id, { mediaType: chosen.descriptor.mediaType, bytes: chosen.bytes });
    if (catalog.idOf(canonical) !== image.id) change.setName(canonical, image.id);
    if (digest === undefined && isNew) change.setName(reference, image.id);
  });
  send({ status: `Digest: ${chosen.top.digest}` });
  return isNew;
}

/** Whether a known image is one for the platform. Without a wish, an image of a foreign platform was wanted once. */
function serves(image: ImageRecord | undefined, wanted: Platform, asked: boolean): boolean {
  if (image === undefined || image.retained) return false;
  const { os, architecture, variant } = image.config;
  if (architecture === "" && !asked) return true;
  return (
    platformRank(
      wanted,
      normalisePlatform({ os, architecture, ...(variant !== undefined && { variant }) }),
    ) >= 0
  );
}
