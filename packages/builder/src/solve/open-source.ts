import { chmodSync, copyFileSync, linkSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { encoded, isKind } from "@berth/base";
import type { ResolvedSource } from "../export/built.ts";
import type { GitNode, HttpNode, LocalNode } from "../graph/operation.ts";
import { gitHeader } from "../sources/contexts.ts";
import type { FileTree } from "../sources/file-tree.ts";
import { withoutPassword } from "../sources/git.ts";
import { namedIgnore } from "./load-dockerfile.ts";
import type { BuildScope } from "./scope.ts";
import type { Step } from "./steps.ts";

const DEFAULT_MODE = 0o600;

/** The files of a source node. `found` is told of what came from elsewhere. */
export async function openSource(
  scope: BuildScope,
  node: LocalNode | GitNode | HttpNode,
  step: Step,
  found: (source: ResolvedSource) => void,
): Promise<FileTree> {
  const { contexts, context, signal } = scope;
  if (node.type === "local") {
    const isMain = node.context === "context";
    const excludes = isMain ? node.excludes : await namedIgnore(node.context, contexts, scope.steps, signal);
    const tree = await contexts.tree(
      node.context,
      { excludes, ...(node.followPaths && { follow: node.followPaths }) },
      step,
      signal,
    );
    await tree.list();
    return tree;
  }
  if (node.type === "git") {
    const options = {
      ...(contexts.ssh && { ssh: contexts.ssh }),
      ...(await gitHeader(contexts.secrets, signal)),
      log: (line: string) => step.say(line),
    };
    const commit = await context.git.resolve(node, options, signal);
    const target = join(contexts.scratch(), "data");
    const checkout = await context.git.checkOut(node, commit, target, options, signal);
    const fragment = node.ref === "" ? "" : `#${node.ref}`;
    found({ uri: withoutPassword(node.remote) + fragment, digest: { sha1: checkout.commit } });
    return contexts.treeAt(checkout.path);
  }
  const download = await context.downloads.fetch(
    {
      url: node.url,
      ...(node.checksum && { checksum: node.checksum }),
      ...(node.filename !== undefined && { filename: node.filename }),
      report: (current, total) => step.status("downloading", current, total),
    },
    signal,
  );
  found({ uri: withoutPassword(node.url), digest: { sha256: encoded(download.digest) } });
  const folder = contexts.scratch();
  const file = join(folder, download.name);
  try {
    linkSync(join(download.folder, download.name), file);
    // The mode belongs to the file, not to its name: another build may want another one.
    if ((node.mode ?? DEFAULT_MODE) !== DEFAULT_MODE)
      throw Object.assign(new Error("a copy"), { code: "EXDEV" });
  } catch (error) {
    if (isKind(error, "cancelled")) throw error;
    await Bun.file(file)
      .delete()
      .catch(() => {});
    copyFileSync(join(download.folder, download.name), file);
    const { atime, mtime } = statSync(join(download.folder, download.name));
    chmodSync(file, node.mode ?? DEFAULT_MODE);
    utimesSync(file, atime, mtime);
  }
  return contexts.treeAt(folder);
}
