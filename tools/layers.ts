/**
 * The layers of the house as data: which package may import which, and why. `tools/check-layers.ts` holds the code to it.
 * Imports point to a lower level; inside a level only along `beside`.
 */
export interface Layer {
  level: number;
  /** Packages of the same level that may be imported. */
  beside?: readonly string[];
  /** When present, the only packages that may be imported, because of `why`. */
  only?: readonly string[];
  why?: string;
}

export const PACKAGES: Readonly<Record<string, Layer>> = {
  base: { level: 0 },
  linux: { level: 0, beside: ["base"] },

  spec: { level: 1, only: ["base"], why: "spec runs anywhere, so it knows no kernel" },
  api: {
    level: 1,
    beside: ["spec"],
    only: ["base", "spec"],
    why: "api runs anywhere, so it knows no kernel",
  },
  archive: { level: 1, beside: ["spec"] },
  state: { level: 1 },

  content: { level: 2 },
  snapshot: { level: 2 },
  registry: { level: 2, beside: ["content"] },
  image: { level: 2, beside: ["content", "snapshot", "registry"] },
  runtime: { level: 2 },
  network: { level: 2 },
  volume: { level: 2 },
  logging: { level: 2 },

  engine: { level: 3 },
  builder: { level: 3 },
  cluster: { level: 3 },

  server: {
    level: 4,
    only: ["base", "spec", "api", "linux", "archive"],
    why: "a router declares the interface that it needs and never sees the engine; apps/daemon joins them",
  },
  client: { level: 4, only: ["base", "spec", "api"], why: "client is published for users' own programs" },
  compose: {
    level: 4,
    beside: ["client"],
    only: ["base", "spec", "api", "client"],
    why: "compose talks to the engine through client only",
  },
};

/** What each program may import; `apps` are the programs that it may load. */
export const APPS: Readonly<
  Record<string, { only?: readonly string[]; apps?: readonly string[]; why?: string }>
> = {
  berth: {
    only: ["base"],
    apps: ["cli", "daemon", "shim", "worker", "registry"],
    why: "it only picks the program",
  },
  daemon: {},
  cli: {
    only: ["base", "linux", "spec", "api", "archive", "client", "compose", "registry"],
    why: "a command line talks to the daemon through client only; with registry it reads and writes manifests itself, as Docker's does",
  },
  shim: {
    only: ["base", "linux", "spec", "runtime", "network", "logging"],
    why: "every module in the shim costs memory in each container",
  },
  worker: {},
  registry: {},
  dashboard: {},
};

/** Modules that only some packages may import. Tests may import all of them. */
export const GUARDED: readonly { module: RegExp; only: readonly string[]; why: string }[] = [
  { module: /^bun:ffi$/, only: ["packages/linux"], why: "packages/linux is the only access to the kernel" },
  { module: /^bun:sqlite$/, only: ["packages/state"], why: "packages/state is the one metadata store" },
];

/** Names that say nothing of what is inside. */
export const FORBIDDEN_NAMES = /^(utils?|helpers?|misc|stuff)(\.test)?\.ts$/;

/** A longer module has more than one purpose. */
export const MOST_LINES = 500;
