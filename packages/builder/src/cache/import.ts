import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { BuildRequest, CacheEndpoint } from "@berth/api/build";
import { runJob } from "@berth/archive";
import {
  type Digest,
  encoded,
  invalidParameter,
  isKind,
  log,
  messageOf,
  newId,
  systemError,
} from "@berth/base";
import type { Repository } from "@berth/registry";
import {
  ANNOTATION_REF_NAME,
  type Descriptor,
  isManifest,
  type Manifest,
  parseManifest,
  parseReference,
  withDefaultTag,
} from "@berth/spec";
import { flagOf } from "../export/flag.ts";
import { asStream } from "../export/output.ts";
import { layerFolders } from "../layers/new-layer.ts";
import type { BuilderParts } from "../parts.ts";
import { authHost } from "../solve/images.ts";
import type { CacheImporter, ImportedStep } from "../solve/scope.ts";
import type { Steps } from "../solve/steps.ts";
import { unpackInto } from "../sources/unpack.ts";
import { type CacheDocument, type CachedStep, INLINE_MEMBER, parseCacheDocument } from "./manifest.ts";

const MAX_DOCUMENT = 32 << 20;
const MAX_PLATFORMS = 64;

/** Where the blobs of a cache come from. */
interface CacheSource extends CacheDocument {
  open(blob: Descriptor, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
}

/** Opens what `--cache-from` names. What is not there is no error: the build goes on without it, and says so. */
export async function openImporters(
  parts: BuilderParts,
  request: BuildRequest,
  steps: Steps,
  scratch: () => string,
  signal: AbortSignal,
): Promise<CacheImporter[]> {
  const opened = await Promise.all(
    (request.cacheFrom ?? []).map(async (endpoint) => {
      const { type, attributes } = endpoint;
      if (type !== "registry" && type !== "local")
        throw invalidParameter(`unknown cache importer: ${JSON.stringify(type)}`);
      const what = type === "local" ? "local client directory" : (attributes.ref ?? "");
      const step = steps.add(`importing cache manifest from ${what}`);
      step.start();
      try {
        const source =
          type === "local"
            ? await openLocal(endpoint, scratch, signal)
            : ((await openImage(parts, attributes.ref ?? "", signal)) ??
              (await openRegistry(parts, request, attributes, signal)));
        step.done();
        return source === undefined ? [] : [new Importer(parts, source)];
      } catch (error) {
        signal.throwIfAborted();
        step.fail(error);
        step.say(`importing cache: ${messageOf(error)}`);
        return [];
      }
    }),
  );
  return opened.flat();
}

class Importer implements CacheImporter {
  readonly #parts: BuilderParts;
  readonly #source: CacheSource;
  readonly #steps: ReadonlyMap<string, CachedStep>;
  readonly #failed = new Set<string>();

  constructor(parts: BuilderParts, source: CacheSource) {
    this.#parts = parts;
    this.#source = source;
    this.#steps = new Map(source.steps.map((step) => [step.canonical, step]));
  }

  async find(
    canonical: string,
    chain: readonly Digest[],
    signal: AbortSignal,
  ): Promise<ImportedStep | undefined> {
    const step = this.#steps.get(canonical);
    if (step === undefined || this.#failed.has(canonical)) return undefined;
    try {
      return await this.#fetch(step, chain, signal);
    } catch (error) {
      // A cache that is not whole costs time only.
      signal.throwIfAborted();
      this.#failed.add(canonical);
      log.warn("a step of the imported build cache cannot be used", { error: messageOf(error) });
      return undefined;
    }
  }

  mount(id: string): ((folder: string, signal: AbortSignal) => Promise<void>) | undefined {
    const mount = this.#source.mounts.find((each) => each.id === id);
    if (mount === undefined) return undefined;
    return async (folder, signal) => {
      await unpackInto(folder, await this.#source.open(mount.blob, signal), signal);
    };
  }

  async #fetch(
    step: CachedStep,
    chain: readonly Digest[],
    signal: AbortSignal,
  ): Promise<ImportedStep | undefined> {
    const { created, diffId, blob } = step;
    if (diffId === undefined) return { layer: undefined, created, size: 0, diffId: undefined, tarSize: 0 };
    // Its layer was left out: the step has to be executed.
    if (blob === undefined) return undefined;
    const { snapshots } = this.#parts;
    const id: Digest = `sha256:${newId()}`;
    await using layer = await snapshots.prepareLayer(id, chain);
    const result = await runJob(
      {
        job: "apply",
        folder: layer.directory,
        whiteouts: snapshots.whiteouts,
        lower: layerFolders(snapshots, chain),
      },
      { stdin: await this.#source.open(blob, signal), signal },
    );
    if (result.diffId !== diffId)
      throw systemError(`a layer of the imported cache is not ${diffId}, but ${result.diffId}`);
    await layer.commit({ diffId: id, size: result.contentSize }, { sync: false, private: true });
    // The tar that it packs to again may differ in form: its digest is found out when it is needed.
    return { layer: id, created, size: result.contentSize, diffId: undefined, tarSize: 0 };
  }
}

async function openLocal(
  endpoint: CacheEndpoint,
  scratch: () => string,
  signal: AbortSignal,
): Promise<CacheSource | undefined> {
  const { folder } = endpoint;
  let root: string;
  if (folder?.kind === "folder") root = folder.path;
  else {
    const tar = await folder?.read?.(signal);
    if (tar === undefined) throw invalidParameter("there is no such cache");
    root = join(scratch(), "cache");
    mkdirSync(root, { recursive: true });
    await unpackInto(root, tar, signal);
  }
  const blob = (digest: Digest) => Bun.file(join(root, "blobs/sha256", encoded(digest)));
  const read = async (digest: Digest) => {
    const file = blob(digest);
    if (file.size > MAX_DOCUMENT) throw invalidParameter("a document of the cache is too large");
    return new Uint8Array(await file.arrayBuffer());
  };
  const index = (await Bun.file(join(root, "index.json")).json()) as {
    manifests?: { digest?: unknown; annotations?: Record<string, unknown> }[];
  };
  const { tag, digest: asked } = endpoint.attributes;
  const named = index.manifests?.find(
    (each) => each.annotations?.[ANNOTATION_REF_NAME] === (tag ?? "latest"),
  );
  if (tag !== undefined && named === undefined) throw invalidParameter(`there is no cache of the tag ${tag}`);
  const digest = asked ?? (named ?? index.manifests?.[0])?.digest;
  if (typeof digest !== "string" || !/^sha256:[0-9a-f]{64}$/.test(digest))
    throw invalidParameter("index.json names no manifest");
  const manifest = parseManifest(await read(digest as Digest));
  return {
    ...parseCacheDocument(await read(manifest.config.digest)),
    open: async ({ digest: wanted }) => blob(wanted).stream(),
  };
}

/** An image of the local store whose configuration tells of its steps. */
async function openImage(
  parts: BuilderParts,
  ref: string,
  signal: AbortSignal,
): Promise<CacheSource | undefined> {
  let id: Digest;
  try {
    ({ id } = parts.images.resolve(ref));
  } catch (error) {
    if (isKind(error, "not-found") || isKind(error, "invalid-parameter")) return undefined;
    throw error;
  }
  const config = parts.images.configBytes(id);
  if (!Buffer.from(config).includes(INLINE_MEMBER)) return undefined;
  const hold = parts.images.hold();
  try {
    const blobs = await parts.images.layerBlobs(id, hold, signal);
    const layers = blobs.map(({ blob }) => ({
      mediaType: "",
      digest: blob,
      size: parts.content.size(blob) ?? 0,
    }));
    return {
      steps: inlineSteps(config, layers) ?? [],
      mounts: [],
      open: async ({ digest }) => asStream(parts.content.open(digest)),
    };
  } finally {
    hold[Symbol.dispose]();
  }
}

async function openRegistry(
  parts: BuilderParts,
  request: BuildRequest,
  attributes: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<CacheSource | undefined> {
  const reference = withDefaultTag(parseReference(attributes.ref ?? ""));
  const repository: Repository = parts.registry.repository(
    { domain: reference.domain, path: reference.path },
    {
      credentials: { find: (domain) => request.auth?.credentials(authHost(domain)) },
      ...(flagOf(attributes, "registry.insecure", false) && { insecure: true }),
    },
  );
  const selector =
    reference.digest === undefined ? { tag: reference.tag ?? "latest" } : { digest: reference.digest };
  const { content } = await repository.fetchManifest(selector, signal);
  const manifests: Manifest[] = [];
  if (isManifest(content)) manifests.push(content);
  // An image of several platforms: each has its own steps.
  else {
    for (const { digest, platform } of content.manifests.slice(0, MAX_PLATFORMS)) {
      if (platform?.architecture === "unknown") continue;
      const each = await repository.fetchManifest({ digest }, signal);
      if (isManifest(each.content)) manifests.push(each.content);
    }
  }
  const documents = await Promise.all(
    manifests.map(async ({ config, layers }): Promise<CacheDocument> => {
      const bytes = await repository.fetchBlob(config, MAX_DOCUMENT, signal);
      const steps = inlineSteps(bytes, layers);
      return steps === undefined ? parseCacheDocument(bytes) : { steps, mounts: [] };
    }),
  );
  return {
    steps: documents.flatMap(({ steps }) => steps),
    mounts: documents.flatMap(({ mounts }) => mounts),
    open: async (blob, until) => (await repository.openBlob(blob, { offset: 0 }, until)).body,
  };
}

/** The steps of an image whose configuration tells of them. */
function inlineSteps(config: Uint8Array, layers: readonly Descriptor[]): CachedStep[] | undefined {
  const json = JSON.parse(Buffer.from(config).toString()) as {
    rootfs?: { diff_ids?: unknown[] };
    [INLINE_MEMBER]?: unknown;
  };
  if (json.rootfs === undefined) return undefined;
  const text = json[INLINE_MEMBER];
  if (typeof text !== "string") return [];
  const diffIds = json.rootfs.diff_ids ?? [];
  return parseCacheDocument(Buffer.from(text, "base64")).steps.map((step) => {
    const blob = step.diffId === undefined ? undefined : layers[diffIds.indexOf(step.diffId)];
    return { ...step, ...(blob !== undefined && { blob }) };
  });
}
