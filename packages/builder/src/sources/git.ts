import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join, posix } from "node:path";
import type { SshProvider } from "@berth/api/build";
import { BerthError, invalidParameter, notFound, systemError } from "@berth/base";
import { closeQuietly, isErrno, O, open, openat2, RESOLVE } from "@berth/linux";
import type { Snapshots } from "@berth/snapshot";
import { keyOf } from "../cache/key.ts";
import { forwardAgent } from "../exec/ssh-agent.ts";
import type { GitNode } from "../graph/operation.ts";

const COMPLAINT = 4000;
/** Nothing of the host's or the repository's configuration runs programs. */
const SAFE = [
  "-c",
  "core.hooksPath=/dev/null",
  "-c",
  "protocol.ext.allow=never",
  "-c",
  "protocol.file.allow=user",
  "-c",
  "core.fsmonitor=false",
  "-c",
  "advice.detachedHead=false",
  "-c",
  "init.defaultBranch=main",
];

export type GitSource = Pick<
  GitNode,
  "remote" | "ref" | "subdir" | "keepGitDir" | "checksum" | "skipSubmodules"
>;

export interface GitOptions {
  ssh?: SshProvider;
  /** `GIT_AUTH_TOKEN` or `GIT_AUTH_HEADER` of the build's secrets. */
  header?: string;
  log(line: string): void;
}

/** A checkout: where it is, and the commit. */
export interface GitCheckout {
  path: string;
  commit: string;
}

const COMMIT = /^[0-9a-f]{40}([0-9a-f]{24})?$/;

/** In a repository: what it is a copy of. */
const REMOTE = "berth-remote";

/** One repository for each remote, `<root>/<digest of it>.git`; what was fetched is not fetched again. */
export class GitRepositories {
  readonly #root: string;
  readonly #snapshots: Pick<Snapshots, "throwAway">;
  readonly #running = new Map<string, Promise<unknown>>();

  constructor(root: string, snapshots: Pick<Snapshots, "throwAway">) {
    this.#root = root;
    this.#snapshots = snapshots;
    mkdirSync(root, { recursive: true, mode: 0o700 });
  }

  /** What is kept, with the times of its last use and of its last change in milliseconds. */
  list(): { name: string; folder: string; remote: string; used: number; changed: number }[] {
    return readdirSync(this.#root).flatMap((name) => {
      if (!name.endsWith(".git")) return [];
      const folder = join(this.#root, name);
      const remote = existsSync(join(folder, REMOTE)) ? readFileSync(join(folder, REMOTE), "utf8") : "";
      const used = statSync(folder).mtimeMs;
      const changed = statSync(join(folder, "FETCH_HEAD"), { throwIfNoEntry: false })?.mtimeMs ?? used;
      return [{ name, folder, remote, used, changed }];
    });
  }

  isUsed(name: string): boolean {
    return this.#running.has(join(this.#root, name));
  }

  remove(name: string): void {
    this.#snapshots.throwAway(join(this.#root, name));
  }

  /** The commit that a ref means now. @throws not-found */
  async resolve(source: GitSource, options: GitOptions, signal: AbortSignal): Promise<string> {
    if (COMMIT.test(source.ref)) return source.ref;
    const ref = source.ref === "" ? "HEAD" : source.ref;
    const output = await this.#git(
      ["ls-remote", "--", source.remote, ref, `${ref}^{}`],
      undefined,
      options,
      signal,
    );
    const lines = output
      .split("\n")
      .filter(Boolean)
      .map((line) => line.split("\t") as [string, string]);
    const wanted = [`refs/tags/${ref}^{}`, `refs/tags/${ref}`, `refs/heads/${ref}`, ref];
    for (const name of ["HEAD", ...wanted]) {
      if (name === "HEAD" && ref !== "HEAD") continue;
      const found = lines.find(([, each]) => each === name);
      if (found !== undefined) return found[0];
    }
    // An abbreviated commit can only be found in the history.
    if (/^[0-9a-f]{7,}$/.test(ref)) return ref;
    throw notFound(`repository does not contain ref ${ref}, output: ${JSON.stringify(output.slice(0, 200))}`);
  }

  /** Puts a commit into a new folder. @throws not-found, invalid-parameter for a checksum that does not fit */
  async checkOut(
    source: GitSource,
    commit: string,
    target: string,
    options: GitOptions,
    signal: AbortSignal,
  ): Promise<GitCheckout> {
    const repository = join(this.#root, `${keyOf(source.remote)}.git`);
    const before = this.#running.get(repository) ?? Promise.resolve();
    const mine = before
      .catch(() => {})
      .then(() => this.#checkOut(source, commit, repository, target, options, signal));
    this.#running.set(repository, mine);
    try {
      return await mine;
    } finally {
      if (this.#running.get(repository) === mine) this.#running.delete(repository);
    }
  }

  async #checkOut(
    source: GitSource,
    commit: string,
    repository: string,
    target: string,
    options: GitOptions,
    signal: AbortSignal,
  ): Promise<GitCheckout> {
    const git = (args: string[], folder = repository) => this.#git(args, folder, options, signal);
    if (!existsSync(join(repository, "HEAD"))) {
      rmSync(repository, { recursive: true, force: true });
      await this.#git(["init", "--quiet", "--bare", repository], undefined, options, signal);
      writeFileSync(join(repository, REMOTE), withoutPassword(source.remote));
    }
    utimesSync(repository, new Date(), new Date());
    const quiet = { ...options, log() {} };
    const has = await this.#git(["cat-file", "-e", `${commit}^{commit}`], repository, quiet, signal).then(
      () => true,
      () => false,
    );
    if (!has) {
      const ref = source.ref === "" ? "HEAD" : source.ref;
      const shallow = ["fetch", "--quiet", "--depth=1", "--no-tags", "--", source.remote, commit];
      try {
        if (!COMMIT.test(commit)) throw new Error("abbreviated");
        await git(shallow);
      } catch {
        signal.throwIfAborted();
        const all = COMMIT.test(source.ref) || !COMMIT.test(commit);
        const what = all ? ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"] : [ref];
        await git(["fetch", "--quiet", "--force", "--", source.remote, ...what]);
      }
    }
    const full = (await git(["rev-parse", "--verify", `${commit}^{commit}`])).trim();
    if (source.checksum !== undefined && !full.startsWith(source.checksum)) {
      throw invalidParameter(`expected checksum to match ${source.checksum}, got ${full}`);
    }
    mkdirSync(target, { recursive: true, mode: 0o755 });
    if (source.keepGitDir) {
      await this.#git(["init", "--quiet", target], undefined, options, signal);
      await git(["fetch", "--quiet", "--depth=1", "--no-tags", `file://${repository}`, full], target);
      await git(["checkout", "--quiet", "--force", "FETCH_HEAD"], target);
      await git(["remote", "add", "origin", withoutPassword(source.remote)], target);
      // Nothing in it tells of this machine.
      await git(["reflog", "expire", "--all", "--expire=now"], target);
      rmSync(join(target, ".git/FETCH_HEAD"), { force: true });
    } else {
      await git(["--work-tree", target, "checkout", "--quiet", "--force", full, "--", "."]);
      rmSync(join(repository, "index"), { force: true });
    }
    if (source.skipSubmodules !== true && existsSync(join(target, ".gitmodules"))) {
      await this.#submodules(source, full, target, options, signal);
    }
    return { path: folderInside(target, source.subdir), commit: full };
  }

  async #submodules(
    source: GitSource,
    commit: string,
    target: string,
    options: GitOptions,
    signal: AbortSignal,
  ): Promise<void> {
    const git = (args: string[]) => this.#git(args, target, options, signal);
    if (!source.keepGitDir) {
      await this.#git(["init", "--quiet", target], undefined, options, signal);
      await git([
        "fetch",
        "--quiet",
        "--depth=1",
        `file://${join(this.#root, `${keyOf(source.remote)}.git`)}`,
        commit,
      ]);
      await git(["remote", "add", "origin", source.remote]);
      await git(["checkout", "--quiet", "--force", "FETCH_HEAD"]);
    }
    await git(["submodule", "update", "--quiet", "--init", "--recursive", "--depth=1"]);
    if (source.keepGitDir) return;
    rmSync(join(target, ".git"), { recursive: true, force: true });
  }

  async #git(
    args: readonly string[],
    folder: string | undefined,
    options: GitOptions,
    signal: AbortSignal,
  ): Promise<string> {
    await using undo = new AsyncDisposableStack();
    const environment: Record<string, string> = {
      PATH: process.env.PATH ?? "/usr/bin:/bin",
      HOME: this.#root,
      GIT_TERMINAL_PROMPT: "0",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_SSH_COMMAND: "ssh -F /dev/null -o StrictHostKeyChecking=accept-new -o BatchMode=yes",
    };
    for (const name of ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"]) {
      const value = process.env[name];
      if (value !== undefined) environment[name] = value;
    }
    if (options.header !== undefined) {
      Object.assign(environment, {
        GIT_CONFIG_COUNT: "1",
        GIT_CONFIG_KEY_0: "http.extraHeader",
        GIT_CONFIG_VALUE_0: `Authorization: ${options.header}`,
      });
    }
    if (options.ssh !== undefined && (await options.ssh.has("default", signal))) {
      const socket = join(this.#root, `agent-${crypto.randomUUID().slice(0, 8)}.sock`);
      undo.use(forwardAgent(socket, options.ssh, "default", signal));
      environment.SSH_AUTH_SOCK = socket;
    }
    let child: Bun.Subprocess<"ignore", "pipe", "pipe">;
    try {
      child = Bun.spawn(["git", ...SAFE, ...args], {
        ...(folder !== undefined && { cwd: folder }),
        env: environment,
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
        signal,
      });
    } catch (error) {
      throw systemError("git is needed for this and is not installed", {
        cause: error,
        hint: "apt-get install git",
      });
    }
    const [output, complaint] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    signal.throwIfAborted();
    if ((await child.exited) === 0) return output;
    const text = complaint
      .replace(/([a-z]+:\/\/)[^/@\s]*@/gi, "$1")
      .trim()
      .slice(-COMPLAINT);
    if (text !== "") options.log(text);
    throw new BerthError("invalid-parameter", `failed to fetch remote: git ${args[0]}: ${text || "failed"}`);
  }
}

/** A folder of a checkout. Links on the way to it are foreign: they do not lead out. @throws not-found */
function folderInside(target: string, subdir: string): string {
  const path = posix.normalize(subdir).replace(/^\/+|\/+$/g, "");
  if (path === "" || path === ".") return target;
  const root = open(target, O.PATH | O.DIRECTORY);
  let fd = -1;
  try {
    fd = openat2(root, path, O.PATH | O.DIRECTORY, RESOLVE.IN_ROOT | RESOLVE.NO_MAGICLINKS);
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENOTDIR", "ELOOP", "EXDEV")) throw error;
    throw notFound(`failed to read downloaded context: no such directory ${subdir}`);
  } finally {
    closeQuietly(fd);
    closeQuietly(root);
  }
}

/** An address without its password; of HTTP without the user too, which may be a token. */
export function withoutPassword(remote: string): string {
  return remote.replace(/^(https?:\/\/)[^/@]*@/i, "$1").replace(/^([a-z]+:\/\/[^/@:]*):[^/@]*@/i, "$1@");
}
