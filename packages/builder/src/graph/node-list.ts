import type { GraphNode, LocalNode, NodeId } from "./operation.ts";

/** A node without its id. */
export type NewNode = {
  [T in GraphNode["type"]]: Omit<Extract<GraphNode, { type: T }>, "id">;
}[GraphNode["type"]];

/** Collects nodes, and which paths of the client's folders are read. */
export class NodeList {
  readonly #nodes: GraphNode[] = [];
  readonly #locals = new Map<string, NodeId>();
  /** Of each local node: paths without a slash in front, or everything. */
  readonly #paths = new Map<NodeId, Set<string> | "all">();

  add(node: NewNode): NodeId {
    const id = this.#nodes.length;
    this.#nodes.push({ ...node, id } as GraphNode);
    return id;
  }

  get(id: NodeId): GraphNode {
    return this.#nodes[id]!;
  }

  /** The node of a folder of the client, if something uses it. */
  known(context: string): NodeId | undefined {
    return this.#locals.get(context);
  }

  /** The one node of a folder of the client. */
  local(context: string, name: string, excludes: readonly string[]): NodeId {
    const known = this.#locals.get(context);
    if (known !== undefined) return known;
    const id = this.add({ type: "local", name, context, excludes: [...excludes] });
    this.#locals.set(context, id);
    this.#paths.set(id, new Set());
    return id;
  }

  /** Notes that a path of a node is read; `/` is all of it. Only the client's folders care. */
  use(id: NodeId, path: string): void {
    const paths = this.#paths.get(id);
    if (paths === undefined || paths === "all") return;
    if (path === "/") this.#paths.set(id, "all");
    else paths.add(path.replace(/^\//, ""));
  }

  /** The nodes that `target` needs, with new ids in the same order. */
  finish(target: NodeId): { nodes: GraphNode[]; target: NodeId; ids: ReadonlyMap<NodeId, NodeId> } {
    const needed = new Set<NodeId>();
    const wait = [target];
    for (let id = wait.pop(); id !== undefined; id = wait.pop()) {
      if (needed.has(id)) continue;
      needed.add(id);
      wait.push(...inputsOf(this.get(id)));
    }
    const ids = new Map<NodeId, NodeId>();
    const nodes: GraphNode[] = [];
    for (const id of [...needed].sort((a, b) => a - b)) {
      const node = this.get(id);
      ids.set(id, nodes.length);
      if (node.type === "local") this.#followPaths(id, node, id === target);
      nodes.push({ ...withInputs(node, (input) => ids.get(input)!), id: nodes.length });
    }
    return { nodes, target: ids.get(target)!, ids };
  }

  #followPaths(id: NodeId, node: LocalNode, all: boolean): void {
    const paths = this.#paths.get(id);
    if (!all && paths !== undefined && paths !== "all") node.followPaths = [...paths].sort();
  }
}

/** What a node is made from, base first. */
export function inputsOf(node: GraphNode): NodeId[] {
  switch (node.type) {
    case "run":
      return [
        node.base,
        ...node.mounts.flatMap((mount) => ("from" in mount && mount.from !== undefined ? [mount.from] : [])),
      ];
    case "copy":
      return [node.base, ...node.sources.map((source) => source.from)];
    case "mkdir":
      return [node.base];
    default:
      return [];
  }
}

function withInputs(node: GraphNode, change: (id: NodeId) => NodeId): GraphNode {
  switch (node.type) {
    case "run":
      return {
        ...node,
        base: change(node.base),
        mounts: node.mounts.map((mount) =>
          "from" in mount && mount.from !== undefined ? { ...mount, from: change(mount.from) } : mount,
        ),
      };
    case "copy":
      return {
        ...node,
        base: change(node.base),
        sources: node.sources.map((source) => ({ ...source, from: change(source.from) })),
      };
    case "mkdir":
      return { ...node, base: change(node.base) };
    default:
      return node;
  }
}
