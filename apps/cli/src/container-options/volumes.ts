import { lazyNode } from "../lazy-node.ts";

export interface Volumes {
  /** `source:target[:mode]`. */
  binds: string[];
  /** Targets that get an anonymous volume. */
  anonymous: Record<string, object>;
}

/** What `-v` asks: `/target`, `name:/target`, `/host:/target:ro`, `./here:/target`. @throws Error in Docker's words. */
export function parseVolumes(specs: readonly string[]): Volumes {
  const binds: string[] = [];
  const anonymous: Record<string, object> = {};
  for (const spec of new Set(specs)) {
    if (spec === "") throw new Error("invalid empty volume spec");
    const parts = spec.split(":");
    if (spec.length > 2) {
      if (parts.slice(0, 3).some((part) => part === "")) {
        throw new Error(`invalid spec: ${spec}: empty section between colons`);
      }
    }
    if (parts.length === 1 || spec.length <= 2) {
      anonymous[spec] = {};
      continue;
    }
    const [source = "", ...rest] = parts;
    binds.push([source.startsWith(".") ? lazyNode.path.resolve(source) : source, ...rest].join(":"));
  }
  return { binds, anonymous };
}
