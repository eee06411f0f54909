import type { Exporter } from "@berth/api/build";
import type { Digest } from "@berth/base";
import type { Platform } from "@berth/spec";
import type { StepResult } from "../cache/cache.ts";
import type { BuildGraph, ImageNode } from "../graph/operation.ts";
import type { Solved } from "../solve/scope.ts";

/** A source beside images, as it was when it was read. */
export interface ResolvedSource {
  uri: string;
  digest: Record<string, string>;
}

/** What was built for one platform. */
export interface BuiltPlatform {
  platform: Platform;
  dockerfile: { name: string; text: string };
  graph: BuildGraph;
  solved: Solved;
  /** The image at the bottom; undefined for `FROM scratch`. */
  base: ImageNode | undefined;
  /** The steps of all stages that were needed. */
  all(): Iterable<StepResult>;
  /** Layers of what an SBOM shall tell of beside the result. */
  scans(): Promise<{ name: string; chain: readonly Digest[] }[]>;
  /** Repositories and downloads that were read, with what was found there. */
  sources(): readonly ResolvedSource[];
}

/** The others write files: which tars the layers are is not asked. */
export function makesImage({ type }: Exporter): boolean {
  return type !== "local" && type !== "tar";
}

/** The image that a graph's target stands on. */
export function baseImageOf(graph: BuildGraph): ImageNode | undefined {
  for (let node = graph.nodes[graph.target]; node !== undefined; ) {
    if (node.type === "image") return node;
    if (!("base" in node)) return undefined;
    node = graph.nodes[node.base];
  }
  return undefined;
}
