import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Filters } from "@berth/api";
import type {
  Builder,
  BuildRecord,
  BuildRequest,
  BuildResult,
  CacheRecord,
  ProgressSink,
  PruneOptions,
  PruneReport,
} from "@berth/api/build";
import { cancelled, log, messageOf, newId } from "@berth/base";
import { openState, type State } from "@berth/state";
import { BuildCache } from "./cache/cache.ts";
import { Configurations } from "./cache/configurations.ts";
import { FolderSizes } from "./cache/folder-sizes.ts";
import { pruneCache, prunesEverything } from "./cache/prune.ts";
import { cacheRecords } from "./cache/records.ts";
import { CacheMounts } from "./exec/cache-mounts.ts";
import { recoverSteps } from "./exec/run.ts";
import { LayerDigests } from "./export/layer-digests.ts";
import { BuildHistory } from "./history.ts";
import type { BuilderParts } from "./parts.ts";
import { runBuild } from "./solve/build.ts";
import { InFlight } from "./solve/in-flight.ts";
import { KnownGraphs } from "./solve/known-graphs.ts";
import type { BuilderContext } from "./solve/scope.ts";
import type { Steps } from "./solve/steps.ts";
import { type ContextParts, emptyScratch } from "./sources/contexts.ts";
import { FileDigests } from "./sources/file-digests.ts";
import { GitRepositories } from "./sources/git.ts";
import { Downloads } from "./sources/http.ts";
import { SyncedFolders } from "./sources/sync.ts";

/*
 * <data-root>/build/cache.db    which steps were executed (cache/tables.ts); losing it costs time only
 * <data-root>/build/digests/    digests of the files of contexts
 * <data-root>/build/contexts/   contexts of builds under way
 * <data-root>/build/synced/     folders of clients, as far as they were received
 * <data-root>/build/mounts/     cache mounts
 * <data-root>/build/downloads/  files of ADD
 * <data-root>/build/git/        repositories
 * <data-root>/build/run/        steps that run
 * <data-root>/layers/           layers of steps, private ones (packages/snapshot)
 */

/** Opens the builder of a daemon. What steps of a daemon that was killed have left is ended before it returns. */
export async function createBuilder(parts: BuilderParts): Promise<Builder> {
  const root = join(parts.dataRoot, "build");
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const state = openState(join(root, "cache.db"));
  try {
    const builder = new LocalBuilder(parts, root, state);
    await recoverSteps(parts);
    return builder;
  } catch (error) {
    state.close();
    throw error;
  }
}

class LocalBuilder implements Builder {
  readonly #state: State;
  readonly #context: BuilderContext;
  readonly #contextParts: ContextParts;
  readonly #digests: LayerDigests;
  readonly #history: BuildHistory;
  readonly configurations: Configurations;
  readonly #running = new Set<Promise<unknown>>();
  readonly #abort = new AbortController();

  constructor(parts: BuilderParts, root: string, state: State) {
    const { snapshots } = parts;
    this.#state = state;
    const cache = new BuildCache(state, snapshots);
    const downloads = new Downloads(join(root, "downloads"), state, snapshots);
    const git = new GitRepositories(join(root, "git"), snapshots);
    const synced = new SyncedFolders(join(root, "synced"), snapshots);
    emptyScratch(parts.dataRoot, snapshots);
    this.#context = {
      parts,
      cache,
      cacheMounts: new CacheMounts(join(root, "mounts"), state, snapshots),
      downloads,
      git,
      synced,
      sizes: new FolderSizes(),
      inFlight: new InFlight(),
      graphs: new KnownGraphs(),
    };
    this.#contextParts = {
      dataRoot: parts.dataRoot,
      snapshots,
      digests: new FileDigests(join(root, "digests")),
      synced,
      downloads,
      git,
    };
    this.#digests = new LayerDigests(snapshots, cache);
    this.#history = new BuildHistory(state);
    this.configurations = new Configurations(state);
  }

  async build(request: BuildRequest, report: ProgressSink, signal: AbortSignal): Promise<BuildResult> {
    if (signal.aborted) throw cancelled("context canceled");
    const ref = request.ref ?? newId().slice(0, 25);
    const record = this.#history.begin(ref, request);
    let steps: Steps | undefined;
    const counted: ProgressSink = (event) => {
      if (event.type === "warning") record.warnings++;
      report(event);
    };
    const work = runBuild(
      this.#context,
      this.#contextParts,
      this.#digests,
      { ...request, ref },
      counted,
      AbortSignal.any([signal, this.#abort.signal]),
      (made) => {
        steps = made;
      },
    );
    this.#running.add(work);
    try {
      const result = await work;
      this.#history.end(record, steps, result, undefined);
      this.#settle();
      return result;
    } catch (error) {
      const failure = signal.aborted ? cancelled("context canceled", { cause: error }) : error;
      this.#history.end(record, steps, undefined, failure);
      throw failure;
    } finally {
      this.#running.delete(work);
    }
  }

  async prune(
    options: PruneOptions,
    signal: AbortSignal,
    onRecord?: (record: CacheRecord) => void,
  ): Promise<PruneReport> {
    const report = await pruneCache(this.#context, options, signal, onRecord);
    if (prunesEverything(options)) this.configurations.clear();
    this.#context.parts.onPrune?.(report.spaceReclaimed);
    return report;
  }

  diskUsage(filters?: Filters): Promise<CacheRecord[]> {
    return cacheRecords(this.#context, filters);
  }

  history(): BuildRecord[] {
    return this.#history.list();
  }

  onHistory(listener: (record: BuildRecord, removed: boolean) => void): Disposable {
    return this.#history.listen(listener);
  }

  removeHistory(ref: string): void {
    this.#history.remove(ref);
  }

  /** After a build, in the background: what it wrote goes to the disk, and the oldest of what is too much goes. */
  #settle(): void {
    const { cache, parts } = this.#context;
    const unsynced = cache.unsynced();
    if (unsynced.length === 0) return;
    const work = (async () => {
      await parts.snapshots.flush();
      cache.markSynced(unsynced.filter((result) => cache.get(result.id) === result));
      for (const rule of parts.settings.collection) {
        await pruneCache(this.#context, rule, this.#abort.signal);
      }
    })().catch((error) => log.warn("after a build", { error: messageOf(error) }));
    this.#running.add(work);
    void work.finally(() => this.#running.delete(work));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort(cancelled("the daemon stops"));
    await Promise.allSettled(this.#running);
    this.#state.close();
  }
}
