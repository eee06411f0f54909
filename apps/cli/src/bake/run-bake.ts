import type { BuildResult } from "@berth/api/build";
import { BuildFailure } from "@berth/client/build";
import { buildFiles } from "../build/context-argument.ts";
import { BUILD_FLAGS } from "../build/flags.ts";
import { type ProgressView, progressView } from "../build/progress/index.ts";
import { labelled } from "../build/progress/labelled.ts";
import { explainFailure, interruptible, perform, writeMetadata } from "../build/run-build.ts";
import type { Context } from "../context.ts";
import type { CommandError } from "../errors.ts";
import { parseFlags } from "../flags/parse.ts";
import { inputOf } from "../io/stdin.ts";
import { buildWords } from "./build-words.ts";
import { linksOf } from "./definition.ts";
import type { BakeTarget } from "./target.ts";

export interface BakeOptions {
  progress: string;
  metadataFile: string;
}

/** Builds all targets at once, those that others take as contexts before these. @throws CommandError */
export async function runBake(
  context: Context,
  targets: ReadonlyMap<string, BakeTarget>,
  options: BakeOptions,
): Promise<void> {
  const progress = await progressView(context, options.progress);
  using interruption = interruptible();
  const failed = new AbortController();
  const signal = AbortSignal.any([interruption.signal, failed.signal]);
  const results = new Map<string, Promise<BuildResult>>();
  const start = (name: string): Promise<BuildResult> => {
    const known = results.get(name);
    if (known !== undefined) return known;
    const work = (async () => {
      const target = targets.get(name) as BakeTarget;
      const images = new Map<string, string>();
      for (const other of linksOf(target)) images.set(other, (await start(other)).imageId ?? "");
      return await build(context, name, target, images, { progress, signal, several: targets.size > 1 });
    })();
    results.set(name, work);
    work.catch((error) => failed.abort(error));
    return work;
  };
  const ended = await Promise.allSettled([...targets.keys()].map(start));
  await progress.finish();
  // The first failure is the reason of the others.
  const reason = interruption.signal.aborted ? interruption.signal.reason : failed.signal.reason;
  if (reason !== undefined)
    throw reason instanceof BakeFailure ? await reason.explain(context, progress) : reason;
  if (options.metadataFile === "") return;
  const names = [...targets.keys()];
  const facts = ended.map(
    (each, at) => [names[at], (each as PromiseFulfilledResult<BuildResult>).value] as const,
  );
  writeMetadata(options.metadataFile, Object.fromEntries(facts) as Record<string, BuildResult>);
}

interface Surroundings {
  progress: ProgressView;
  signal: AbortSignal;
  several: boolean;
}

async function build(
  context: Context,
  name: string,
  target: BakeTarget,
  images: ReadonlyMap<string, string>,
  { progress, signal, several }: Surroundings,
): Promise<BuildResult> {
  const { path, words, stdin } = buildWords(target, images);
  const { values } = parseFlags(BUILD_FLAGS, words);
  const own =
    stdin === undefined ? context : { ...context, stdin: inputOf([new TextEncoder().encode(stdin)]) };
  using files = await buildFiles(own, path, values.file);
  const onEvent: ProgressView["event"] = (event) => progress.event(several ? labelled(event, name) : event);
  try {
    return await perform(own, values, files, onEvent, signal);
  } catch (error) {
    throw error instanceof BuildFailure ? new BakeFailure(name, error, files.dockerfile) : error;
  }
}

class BakeFailure extends Error {
  readonly #target: string;
  readonly #failure: BuildFailure;
  readonly #dockerfile: string | undefined;

  constructor(target: string, failure: BuildFailure, dockerfile: string | undefined) {
    super(failure.message);
    this.#target = target;
    this.#failure = failure;
    this.#dockerfile = dockerfile;
  }

  explain(context: Context, { steps, raw }: ProgressView): Promise<CommandError> {
    return explainFailure(context, this.#failure, steps, {
      dockerfile: this.#dockerfile,
      quiet: raw,
      target: this.#target,
    });
  }
}
