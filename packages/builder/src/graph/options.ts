import type { Platform } from "@berth/spec";
import type { LintOptions } from "../parse/directives.ts";
import type { ResolveImageConfig } from "./operation.ts";

/** What `--build-context name=…` stands for. */
export type NamedContext =
  /** Files: a folder, a tarball, a git repository… whichever way they come. */
  | { kind: "files" }
  | { kind: "image"; reference: string /** `oci-layout://`: its store. */; layout?: string }
  /** Another target of the same file. */
  | { kind: "target"; name: string };

export interface GraphOptions {
  /** Stage to build, by name or number; absent: the last. */
  target?: string;
  buildArgs?: Readonly<Record<string, string>>;
  labels?: Readonly<Record<string, string>>;
  /** What is built. */
  platform: Platform;
  /** Nobody asked for `platform`: an image that has only another one is taken as it is. */
  platformIsDefault?: boolean;
  /** Of the machine that builds. */
  buildPlatform: Platform;
  /** Several platforms are built at once: names of steps say which. */
  multiPlatform?: boolean;
  /** Stages that are not taken from the cache; an empty list is none. */
  noCacheFilter?: readonly string[];
  namedContexts?: Readonly<Record<string, NamedContext>>;
  /** Patterns of .dockerignore for the main context (key `context`) and named ones. */
  excludes?: Readonly<Record<string, readonly string[]>>;
  /** Of RUN without `--network`. */
  network?: "default" | "none" | "host";
  resolveImageConfig: ResolveImageConfig;
  /** Told before an image is looked up: `[internal] load metadata for docker.io/library/busybox:latest`. */
  onResolve?(name: string): void;
  /** Instead of the file's `# check=`: the build argument BUILDKIT_DOCKERFILE_CHECK. */
  lint?: LintOptions;
  /** See `BuildRequest.severalNeedSlash`. */
  severalNeedSlash?: boolean;
  /** Look at every stage, as `--check` does. */
  allStages?: boolean;
  signal?: AbortSignal;
}
