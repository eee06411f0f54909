import type { BuildRequest, ProgressSink, StepExplanation } from "@berth/api/build";
import type { Digest } from "@berth/base";
import type { Hold } from "@berth/image";
import type { BuildCache, CacheHold, StepResult } from "../cache/cache.ts";
import type { FolderSizes } from "../cache/folder-sizes.ts";
import type { CacheMounts } from "../exec/cache-mounts.ts";
import type { BuilderParts } from "../parts.ts";
import type { Contexts } from "../sources/contexts.ts";
import type { FileTree } from "../sources/file-tree.ts";
import type { GitRepositories } from "../sources/git.ts";
import type { Downloads } from "../sources/http.ts";
import type { SyncedFolders } from "../sources/sync.ts";
import type { BaseImages } from "./images.ts";
import type { InFlight } from "./in-flight.ts";
import type { KnownGraphs } from "./known-graphs.ts";
import type { Steps } from "./steps.ts";

/** What all builds of a daemon share. */
export interface BuilderContext {
  parts: BuilderParts;
  cache: BuildCache;
  cacheMounts: CacheMounts;
  downloads: Downloads;
  git: GitRepositories;
  synced: SyncedFolders;
  sizes: FolderSizes;
  inFlight: InFlight;
  graphs: KnownGraphs;
}

/** One build under way; everything in it is given back when the build ends. */
export interface BuildScope {
  context: BuilderContext;
  request: BuildRequest;
  steps: Steps;
  contexts: Contexts;
  hold: Hold;
  cacheHold: CacheHold;
  /** Fires when the caller goes away, or another step failed. */
  signal: AbortSignal;
  /** Seconds since 1970 that no time in a layer may be later than. */
  epoch: number | undefined;
  importers: readonly CacheImporter[];
  baseImages: BaseImages;
}

/** Results of other machines. */
export interface CacheImporter {
  /** Makes the layer of a step available, when it is there. */
  find(canonical: string, chain: readonly Digest[], signal: AbortSignal): Promise<ImportedStep | undefined>;
  /** Fills a new folder with what a cache mount of this id had in it, when that came along. */
  mount(id: string): ((folder: string, signal: AbortSignal) => Promise<void>) | undefined;
}

export interface ImportedStep {
  layer: Digest | undefined;
  created: number;
  size: number;
  diffId: Digest | undefined;
  tarSize: number;
}

/** What a node of the graph came to. */
export interface Solved {
  /** Layers, base first. */
  chain: readonly Digest[];
  /** Names what it is made of, on any machine. */
  key: string;
  /** Steps of this build from the image at the bottom to here, in order. */
  results: readonly StepResult[];
}

/** What any node came to: files are not layers before somebody needs them so. */
export type NodeResult = ({ kind: "layers" } & Solved) | { kind: "files"; tree: FileTree };

export type { BuildRequest, ProgressSink, StepExplanation };
