/** What a target may say, as a bake file names it. Names that are undefined were not given. */
export interface BakeTarget {
  annotations?: string[];
  attest?: string[];
  context?: string;
  contexts?: Record<string, string>;
  dockerfile?: string;
  "dockerfile-inline"?: string;
  args?: Record<string, string | null>;
  labels?: Record<string, string | null>;
  tags?: string[];
  "cache-from"?: string[];
  "cache-to"?: string[];
  target?: string;
  secret?: string[];
  ssh?: string[];
  platforms?: string[];
  output?: string[];
  pull?: boolean;
  "no-cache"?: boolean;
  network?: string;
  "no-cache-filter"?: string[];
  "shm-size"?: string;
  ulimits?: string[];
  call?: string;
  entitlements?: string[];
  "extra-hosts"?: Record<string, string>;
  description?: string;
  /** Not shown: what it was made from. */
  inherits?: string[];
}

export type Kind = "text" | "truth" | "list" | "map";

/** Every attribute with its type, in the order in which they are printed. */
export const ATTRIBUTES = {
  annotations: "list",
  attest: "list",
  context: "text",
  contexts: "map",
  dockerfile: "text",
  "dockerfile-inline": "text",
  args: "map",
  labels: "map",
  tags: "list",
  "cache-from": "list",
  "cache-to": "list",
  target: "text",
  secret: "list",
  ssh: "list",
  platforms: "list",
  output: "list",
  pull: "truth",
  "no-cache": "truth",
  network: "text",
  "no-cache-filter": "list",
  "shm-size": "text",
  ulimits: "list",
  call: "text",
  entitlements: "list",
  "extra-hosts": "map",
  description: "text",
  inherits: "list",
} as const satisfies Record<keyof BakeTarget, Kind>;

/** Lists to which a later target adds; other lists it replaces. */
const ADDED: ReadonlySet<string> = new Set([
  "annotations",
  "cache-from",
  "secret",
  "ssh",
  "no-cache-filter",
  "ulimits",
  "entitlements",
  "inherits",
]);

/** `later` on top of `earlier`: maps by key, some lists joined, everything else replaced. */
export function mergeTargets(earlier: BakeTarget, later: BakeTarget): BakeTarget {
  const made: Record<string, unknown> = { ...earlier };
  for (const [name, value] of Object.entries(later)) {
    if (value === undefined) continue;
    const before = made[name];
    const kind = ATTRIBUTES[name as keyof BakeTarget];
    if (kind === "map") made[name] = { ...(before as object | undefined), ...(value as object) };
    else if (name === "attest") made[name] = mergeAttestations((before ?? []) as string[], value as string[]);
    else if (kind === "list" && ADDED.has(name))
      made[name] = [...((before ?? []) as string[]), ...(value as string[])];
    else made[name] = value;
  }
  return made as BakeTarget;
}

/** One of each type: the later counts. */
export function mergeAttestations(earlier: readonly string[], later: readonly string[]): string[] {
  const type = (text: string) => /(?:^|,)type=([^,]*)/.exec(text)?.[1] ?? text;
  const made = new Map(earlier.map((text) => [type(text), text]));
  for (const text of later) made.set(type(text), text);
  return [...made.values()];
}
