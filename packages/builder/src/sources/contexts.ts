import { linkSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { BuildRequest, ContextSource, SecretProvider, SshProvider } from "@berth/api/build";
import type { Accept } from "@berth/archive";
import { encoded, invalidParameter, newId, notImplemented } from "@berth/base";
import type { Snapshots } from "@berth/snapshot";
import { IgnoreMatcher, type IgnoreState } from "@berth/spec/dockerignore";
import { keyOf } from "../cache/key.ts";
import type { ResolvedSource } from "../export/built.ts";
import type { Step } from "../solve/steps.ts";
import type { FileDigests } from "./file-digests.ts";
import { FileTree } from "./file-tree.ts";
import { type GitRepositories, withoutPassword } from "./git.ts";
import type { Downloads } from "./http.ts";
import type { SyncedFolders } from "./sync.ts";
import { unpackInto } from "./unpack.ts";

export interface ContextParts {
  dataRoot: string;
  snapshots: Snapshots;
  digests: FileDigests;
  synced: SyncedFolders;
  downloads: Downloads;
  git: GitRepositories;
}

/** What of a folder a build reads. */
export interface ContextRequest {
  excludes: readonly string[];
  include?: readonly string[];
  follow?: readonly string[];
}

/** `<data-root>/build/contexts`: folders of builds under way. */
export function scratchFolder(dataRoot: string): string {
  return join(dataRoot, "build", "contexts");
}

/** Throws away what an earlier daemon left. */
export function emptyScratch(dataRoot: string, snapshots: Snapshots): void {
  const root = scratchFolder(dataRoot);
  mkdirSync(root, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(root)) snapshots.throwAway(join(root, name));
}

/** The folders that one build reads, each opened when it is needed first. Disposing gives back what was made for them. */
export class Contexts implements AsyncDisposable {
  readonly #parts: ContextParts;
  readonly #request: BuildRequest;
  readonly #undo = new AsyncDisposableStack();
  readonly #folders = new Map<string, Promise<string>>();
  readonly #sources: ResolvedSource[] = [];
  readonly #trees = new Map<string, Promise<FileTree>>();

  constructor(parts: ContextParts, request: BuildRequest) {
    this.#parts = parts;
    this.#request = request;
  }

  /** Contexts that came from repositories and downloads. */
  sources(): readonly ResolvedSource[] {
    return this.#sources;
  }

  get secrets(): SecretProvider | undefined {
    return this.#request.secrets;
  }

  get ssh(): SshProvider | undefined {
    return this.#request.ssh;
  }

  source(name: string): ContextSource | undefined {
    return name === "context" ? this.#request.context : this.#request.namedContexts?.[name];
  }

  /** A new folder of this build. */
  scratch(): string {
    const folder = join(scratchFolder(this.#parts.dataRoot), newId().slice(0, 20));
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#undo.defer(() => this.#parts.snapshots.throwAway(folder));
    return folder;
  }

  /** The files of `context` (the main one) or a named context. @throws invalid-parameter */
  tree(name: string, request: ContextRequest, step: Step, signal: AbortSignal): Promise<FileTree> {
    const key = keyOf(name, request);
    let tree = this.#trees.get(key);
    if (tree === undefined) {
      tree = this.#open(name, this.source(name), request, step, signal);
      this.#trees.set(key, tree);
    }
    return tree;
  }

  /** The files of a source that has no name: the one that the Dockerfile is in. */
  treeOf(
    name: string,
    source: ContextSource,
    request: ContextRequest,
    step: Step,
    signal: AbortSignal,
  ): Promise<FileTree> {
    return this.#open(name, source, request, step, signal);
  }

  /** A tree of a folder that was made elsewhere. `stays`: it will be there in later builds, so that its digests are kept. */
  treeAt(path: string, options: { excludes?: readonly string[]; stays?: boolean } = {}): FileTree {
    const { excludes = [], stays = false } = options;
    return new FileTree(path, {
      ...(excludes.length > 0 && { accept: acceptAllBut(excludes) }),
      ...(stays && { digests: this.#parts.digests.for(path) }),
    });
  }

  async #open(
    name: string,
    source: ContextSource | undefined,
    request: ContextRequest,
    step: Step,
    signal: AbortSignal,
  ): Promise<FileTree> {
    if (source === undefined) return new FileTree(this.scratch());
    if (source.kind === "sync") {
      const isDefinition = step.vertex.name.includes("build definition");
      const what = isDefinition ? "transferring dockerfile:" : "transferring context:";
      let transferred = 0;
      const received = await this.#parts.synced.receive(
        source.sync,
        {
          include: request.include ?? [],
          exclude: request.excludes,
          follow: request.follow ?? [],
        },
        (bytes) => {
          transferred = bytes;
          step.status(what, bytes, 0);
        },
        signal,
      );
      step.status(what, transferred, 0, true);
      this.#undo.defer(() => received[Symbol.dispose]());
      return this.treeAt(received.path, { stays: received.stays });
    }
    const folder = await this.#folder(name, source, step, signal);
    const excludes = source.kind === "tar" && source.ignored === true ? [] : request.excludes;
    const tree = this.treeAt(folder, { excludes, stays: source.kind === "folder" });
    await tree.list();
    return tree;
  }

  #folder(name: string, source: ContextSource, step: Step, signal: AbortSignal): Promise<string> {
    let folder = this.#folders.get(name);
    if (folder === undefined) {
      folder = this.#fetch(source, step, signal);
      this.#folders.set(name, folder);
    }
    return folder;
  }

  async #fetch(source: ContextSource, step: Step, signal: AbortSignal): Promise<string> {
    switch (source.kind) {
      case "folder":
        return source.path;
      case "tar": {
        const folder = join(this.scratch(), "data");
        await unpackInto(folder, counted(source.stream, step), signal);
        return folder;
      }
      case "git": {
        const parsed = parseGitUrl(source.url);
        const options = {
          ...(this.ssh && { ssh: this.ssh }),
          ...(await gitHeader(this.secrets, signal)),
          log: (line: string) => step.say(line),
        };
        const git = { ...parsed, keepGitDir: source.keepGitFolder === true };
        const commit = await this.#parts.git.resolve(git, options, signal);
        const checkout = await this.#parts.git.checkOut(
          git,
          commit,
          join(this.scratch(), "data"),
          options,
          signal,
        );
        step.say(checkout.commit);
        const uri = `${withoutPassword(parsed.remote)}${parsed.ref === "" ? "" : `#${parsed.ref}`}`;
        this.#sources.push({ uri, digest: { sha1: checkout.commit } });
        return checkout.path;
      }
      case "http":
        return await this.#download(source.url, step, signal);
      default:
        throw invalidParameter(`a build context of kind ${source.kind} has no files`);
    }
  }

  /** A tarball, or a Dockerfile that is the whole context. */
  async #download(url: string, step: Step, signal: AbortSignal): Promise<string> {
    const report = (current: number, total: number) => step.status("transferring", current, total);
    const download = await this.#parts.downloads.fetch({ url, report }, signal);
    this.#sources.push({ uri: withoutPassword(url), digest: { sha256: encoded(download.digest) } });
    const scratch = this.scratch();
    const folder = join(scratch, "data");
    // Another build may replace the download at any time.
    const own = join(scratch, "download");
    linkSync(join(download.folder, download.name), own);
    const file = Bun.file(own);
    const head = new Uint8Array(await file.slice(0, 512).arrayBuffer());
    if (looksLikeArchive(head)) {
      await unpackInto(folder, file.stream(), signal);
      return folder;
    }
    mkdirSync(folder, { mode: 0o755 });
    await Bun.write(join(folder, "Dockerfile"), file);
    return folder;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled([...this.#folders.values(), ...this.#trees.values()]);
    await this.#undo.disposeAsync();
  }
}

/** gzip, bzip2, xz, zstd, or a tar as it is. */
function looksLikeArchive(head: Uint8Array): boolean {
  const hex = Buffer.from(head.subarray(0, 6)).toString("hex");
  if (["1f8b", "425a68", "fd377a585a", "28b52ffd"].some((magic) => hex.startsWith(magic))) return true;
  return Buffer.from(head.subarray(257, 262)).toString("latin1") === "ustar";
}

async function* countedPieces(stream: ReadableStream<Uint8Array>, step: Step): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  let told = 0;
  for await (const piece of stream) {
    bytes += piece.length;
    if (bytes - told > 1 << 20) {
      step.status("transferring context:", bytes, 0);
      told = bytes;
    }
    yield piece;
  }
  step.status("transferring context:", bytes, 0, true);
}

function counted(stream: ReadableStream<Uint8Array>, step: Step): ReadableStream<Uint8Array> {
  const pieces = countedPieces(stream, step);
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await pieces.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await pieces.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}

/** What an ignore file leaves of a folder. */
export function acceptAllBut(excludes: readonly string[]): Accept {
  const matcher = new IgnoreMatcher(excludes);
  const states = new Map<string, IgnoreState>([["", matcher.root]]);
  return (path, isFolder) => {
    const slash = path.lastIndexOf("/");
    const parent = states.get(slash < 0 ? "" : path.slice(0, slash)) ?? matcher.root;
    const { excluded, state, prune } = matcher.check(path, parent);
    if (isFolder && !prune) states.set(path, state);
    if (!excluded) return "take";
    return isFolder && !prune ? "descend" : "skip";
  };
}

/** `url#ref:folder`; `github.com/…` without a scheme is https. */
export function parseGitUrl(url: string): { remote: string; ref: string; subdir: string } {
  const hash = url.indexOf("#");
  const fragment = hash < 0 ? "" : url.slice(hash + 1);
  let remote = hash < 0 ? url : url.slice(0, hash);
  if (remote.startsWith("github.com/")) remote = `https://${remote}`;
  if (remote.startsWith("-")) throw notImplemented(`not a git repository: ${remote}`);
  const colon = fragment.indexOf(":");
  const ref = colon < 0 ? fragment : fragment.slice(0, colon);
  const subdir = colon < 0 ? "" : fragment.slice(colon + 1).replace(/^\/+|\/+$/g, "");
  if (ref.startsWith("-") || subdir.split("/").includes(".."))
    throw invalidParameter(`invalid git reference: ${url}`);
  return { remote, ref, subdir };
}

/** What BuildKit takes from the secrets for private repositories. */
export async function gitHeader(
  secrets: SecretProvider | undefined,
  signal: AbortSignal,
): Promise<{ header?: string }> {
  const header = await secrets?.get("GIT_AUTH_HEADER", signal);
  if (header !== undefined) return { header: Buffer.from(header).toString().trim() };
  const token = await secrets?.get("GIT_AUTH_TOKEN", signal);
  if (token === undefined) return {};
  const text = Buffer.from(token).toString().trim();
  return { header: `basic ${Buffer.from(`x-access-token:${text}`).toString("base64")}` };
}
