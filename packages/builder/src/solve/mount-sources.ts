import type { Digest } from "@berth/base";
import { keyOf } from "../cache/key.ts";
import { digestOfSelection, selectSource } from "../exec/copy.ts";
import type { MountPlace } from "../exec/step-mounts.ts";
import type { NodeId, RunMount, RunNode } from "../graph/operation.ts";
import type { FilePart, KeptFiles } from "./kept-files.ts";
import type { BuildScope, NodeResult } from "./scope.ts";

export type SourcedMount = RunMount & { type: "bind" | "cache" };

/** What the mounts of a RUN show of other nodes, and by what that is known. */
export interface MountSources {
  /** For each mount that has a source, in order: layers, or undefined for files. */
  chains: (readonly Digest[] | undefined)[];
  /** Layers that the result depends on beyond `content`. */
  inputs: readonly (readonly Digest[])[];
  /** For each mount that has a source, in order: what it shows, by content. */
  content(): Promise<readonly unknown[]>;
  /** Makes them ready to be mounted. */
  open(): Promise<(mount: SourcedMount) => MountPlace>;
}

/**
 * A mount is known by the content of the path that it shows, so that a step which mounts `package.json` does not care for the
 * other files of the context. Only a whole root file system is known by the steps that made it: reading all of it would cost more.
 */
export function mountSources(
  scope: BuildScope,
  files: KeptFiles,
  node: RunNode,
  results: ReadonlyMap<NodeId, NodeResult>,
  nameOf: (id: NodeId) => string,
): MountSources {
  const sourced = node.mounts.flatMap((mount) =>
    (mount.type === "bind" || mount.type === "cache") && mount.from !== undefined
      ? [{ mount, from: mount.from, result: results.get(mount.from) as NodeResult }]
      : [],
  );
  const parts = new Map<SourcedMount, Promise<FilePart>>();
  const partOf = (mount: SourcedMount, from: NodeId, tree: (NodeResult & { kind: "files" })["tree"]) => {
    let part = parts.get(mount);
    if (part === undefined) {
      part = files.part(tree, mount.source, nameOf(from));
      parts.set(mount, part);
    }
    return part;
  };
  return {
    chains: sourced.map(({ result }) => (result.kind === "layers" ? result.chain : undefined)),
    inputs: sourced.flatMap(({ mount, result }) =>
      result.kind === "layers" && mount.source === "/" ? [result.chain] : [],
    ),
    content: () =>
      Promise.all(
        sourced.map(async ({ mount, from, result }) => {
          if (result.kind === "files") return (await partOf(mount, from, result.tree)).content;
          if (mount.source === "/") return result.key;
          const { snapshots } = scope.context.parts;
          const matches = await selectSource(
            snapshots,
            mount.source.replace(/[*?[\\]/g, "\\$&"),
            { kind: "layers", chain: result.chain },
            scope.signal,
          );
          return keyOf(digestOfSelection(matches));
        }),
      ),
    async open() {
      const places = new Map<SourcedMount, MountPlace>();
      for (const { mount, from, result } of sourced) {
        if (result.kind === "layers") places.set(mount, { chain: result.chain, path: mount.source });
        else {
          const { solved, path } = await (await partOf(mount, from, result.tree)).open();
          places.set(mount, { chain: solved.chain, path });
        }
      }
      return (mount) => places.get(mount) ?? { chain: [], path: "/" };
    },
  };
}
