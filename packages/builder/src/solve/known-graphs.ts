import { keyOf } from "../cache/key.ts";
import { buildGraph } from "../graph/build.ts";
import type { BuildGraph, ImageConfigAnswer } from "../graph/operation.ts";
import type { GraphOptions } from "../graph/options.ts";

/** Graphs that are kept. */
const KEPT = 32;
/** Larger ones, as JSON, are not: a short text may say much, by variables in variables. */
const LARGEST_GRAPH = 256 << 10;

type Resolve = GraphOptions["resolveImageConfig"];

interface Known {
  graph: BuildGraph;
  /** What was asked while it was made, and the answers. */
  images: { asked: Parameters<Resolve>; answer: ImageConfigAnswer }[];
}

/**
 * The graphs of the last builds. A graph depends on nothing but the text, the options and the images that were looked up: those are
 * looked up again, and when they are still the same, so is the graph. Nobody changes a graph.
 */
export class KnownGraphs {
  readonly #known = new Map<string, Known>();

  /** `options.resolveImageConfig` looks each image up once, however often it is asked. @throws as `buildGraph` */
  async graphOf(text: string, options: GraphOptions): Promise<BuildGraph> {
    const { resolveImageConfig: _, onResolve: __, signal: ___, ...given } = options;
    const key = keyOf(text, given);
    const known = this.#known.get(key);
    if (known === undefined) return await this.#make(key, text, options);
    // What has begun here is awaited by the graph that is made anew: it ends with that.
    const abort = new AbortController();
    const looks = known.images.map((each) => isSame(each, options, abort.signal));
    try {
      if (!(await allAre(looks))) return await this.#make(key, text, options, abort);
      this.#keep(key, known);
      return known.graph;
    } catch (error) {
      abort.abort(error);
      throw error;
    } finally {
      await Promise.allSettled(looks);
    }
  }

  async #make(
    key: string,
    text: string,
    options: GraphOptions,
    begun?: AbortController,
  ): Promise<BuildGraph> {
    const images: Known["images"] = [];
    const graph = await buildGraph(text, {
      ...options,
      async resolveImageConfig(...asked) {
        const { signal } = asked[2];
        if (begun !== undefined) signal?.addEventListener("abort", () => begun.abort(signal.reason));
        const answer = await options.resolveImageConfig(...asked);
        images.push({ asked, answer });
        return answer;
      },
    });
    if (JSON.stringify(graph).length <= LARGEST_GRAPH) this.#keep(key, { graph, images });
    return graph;
  }

  #keep(key: string, known: Known): void {
    this.#known.delete(key);
    this.#known.set(key, known);
    for (const [oldest] of this.#known) {
      if (this.#known.size <= KEPT) break;
      this.#known.delete(oldest);
    }
  }
}

/** Whether the name still means this image. The digest alone does not say: it may be that of an image of several platforms. */
async function isSame({ asked, answer }: Known["images"][number], options: GraphOptions, until: AbortSignal) {
  const [reference, platform, { layout }] = asked;
  const signal = options.signal === undefined ? until : AbortSignal.any([options.signal, until]);
  const now = await options.resolveImageConfig(reference, platform, {
    signal,
    ...(layout !== undefined && { layout }),
  });
  return (
    now.reference === answer.reference &&
    now.digest === answer.digest &&
    (now.config === answer.config || Bun.deepEquals(now.config, answer.config))
  );
}

/** False as soon as one is not. What is wrong with an image is told, with its line, when the graph is made anew. */
async function allAre(looks: readonly Promise<boolean>[]): Promise<boolean> {
  try {
    await Promise.all(looks.map(async (look) => (await look) || Promise.reject(look)));
    return true;
  } catch {
    return false;
  }
}
