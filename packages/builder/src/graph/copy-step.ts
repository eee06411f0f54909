import { posix } from "node:path";
import { type Digest, isDigest } from "@berth/base";
import type { IgnoreMatcher } from "@berth/spec/dockerignore";
import type { InstructionOf } from "../instruction/types.ts";
import type { Linter } from "../lint/linter.ts";
import { DockerfileError } from "../parse/error.ts";
import { chompTabs } from "../parse/statement.ts";
import { expand } from "../shell/expand.ts";
import { parseFileMode } from "./file-mode.ts";
import { type GitRef, parseGitRef } from "./git-ref.ts";
import { displayText } from "./names.ts";
import type { NodeList } from "./node-list.ts";
import type { CopySource, FileMode, NodeId } from "./operation.ts";
import { resolvePath } from "./paths.ts";
import type { StageState } from "./stage-state.ts";

export interface CopyContext {
  nodes: NodeList;
  escapeToken: string;
  expand(text: string): string;
  /** Of COPY's `--from`; the main context without. */
  source(): NodeId;
  /** Of the main context; undefined with `--from`. */
  ignore: IgnoreMatcher | undefined;
  linter: Linter;
  onbuild: boolean;
  severalNeedSlash: boolean;
}

type Copy = InstructionOf<"copy" | "add">;

/** Adds a COPY or ADD to the stage. @throws DockerfileError. */
export function applyCopy(state: StageState, instruction: Copy, context: CopyContext): void {
  const sources = instruction.sources.map(context.expand);
  const destination = context.expand(instruction.destination);
  const chown = context.expand(instruction.chown);
  const chmodText = context.expand(instruction.chmod);
  const chmod = chmodText === "" ? undefined : parseFileMode(chmodText);
  const checksum = instruction.type === "add" ? context.expand(instruction.checksum) : "";
  if (checksum !== "") {
    if (sources.length !== 1) throw new DockerfileError("checksum can't be specified for multiple sources");
    if (!isUrl(sources[0]!) && gitOf(sources[0]!) === undefined) {
      throw new DockerfileError("checksum requires HTTP(S) or Git sources");
    }
  }
  const parents = instruction.type === "copy" && instruction.parents;
  const inline = instruction.heredocs.map((heredoc) => {
    const content = heredoc.chomp ? chompTabs(heredoc.content) : heredoc.content;
    // Quotes mean nothing in a heredoc, and `\` is its escape whatever the file's is.
    const value = heredoc.expand ? expand(content, state.variables, { ignoreQuotes: true }).value : content;
    return { name: posix.basename(heredoc.name) || "EOF", content: value };
  });
  const name = state.names.next(
    displayText(instruction.code, state.variables, context.escapeToken),
    state.platform,
    { variables: state.variables, onbuild: context.onbuild },
  );
  const step: Step = { state, instruction, context, name, checksum, chmod };
  const id = context.nodes.add({
    type: "copy",
    instruction: instruction.type === "add" ? "ADD" : "COPY",
    name,
    location: instruction.range,
    stage: state.stage.label,
    ...(state.stage.ignoreCache && { ignoreCache: true as const }),
    base: state.node,
    sources: sources.map((source) => resolveSource(source, parents, step)),
    inline,
    destination: resolvePath(state.workdir, destination || ".", true),
    ...(context.severalNeedSlash && !destination.endsWith("/") && { onlyOne: true as const }),
    ...(chown !== "" && { chown }),
    ...(chmod !== undefined && { chmod }),
    link: instruction.link,
    parents,
    excludes: instruction.excludes.map(context.expand),
    platform: state.platform,
  });
  context.nodes.use(state.node, "/");
  state.node = id;
  const history = [
    instruction.type.toUpperCase(),
    ...(parents ? ["--parents"] : []),
    ...(chown !== "" ? [`--chown=${chown}`] : []),
    ...(chmodText !== "" ? [`--chmod=${chmodText}`] : []),
    ...sources,
    ...inline.map((file) => `<<${file.name}`),
    destination,
  ];
  state.commit(`${history.join(" ")} # buildkit`, true);
}

interface Step {
  state: StageState;
  instruction: Copy;
  context: CopyContext;
  name: string;
  checksum: string;
  chmod: FileMode | undefined;
}

const isUrl = (source: string) => /^https?:\/\//.test(source);

function gitOf(source: string): GitRef | undefined {
  const reference = parseGitRef(source);
  return reference?.ambiguous ? undefined : reference;
}

function resolveSource(source: string, parents: boolean, step: Step): CopySource {
  const git = gitOf(source);
  const { instruction } = step;
  if (git !== undefined) {
    if (instruction.type === "copy") throw new DockerfileError("source can't be a git ref for COPY");
    return { from: addGit(git, step), path: "/", unpack: instruction.unpack ?? false };
  }
  if (isUrl(source)) {
    if (instruction.type === "copy") throw new DockerfileError("source can't be a URL for COPY");
    const { from, path } = addHttp(source, step);
    return { from, path, unpack: instruction.unpack ?? false };
  }
  warnIgnored(source, step);
  const from = step.context.source();
  const unpack = instruction.type === "add" && (instruction.unpack ?? true);
  const clean = resolvePath("/", source, false);
  step.context.nodes.use(from, clean);
  return { from, path: parents ? withPivot(source) : clean, unpack };
}

/** Keeps the first `/./`, after which the parents begin that are made again. */
function withPivot(source: string): string {
  const pivot = source.indexOf("/./");
  if (pivot < 0) return resolvePath("/", source, false);
  const front = resolvePath("/", source.slice(0, pivot), false);
  return `${front === "/" ? "" : front}/.${resolvePath("/", source.slice(pivot + 3), false)}`;
}

function addGit(git: GitRef, { state, instruction, context, name, checksum }: Step): NodeId {
  const asked = instruction.type === "add" ? instruction.keepGitDir : undefined;
  if (asked !== undefined && git.keepGitDir !== undefined && asked !== git.keepGitDir) {
    throw new DockerfileError("inconsistent keep-git-dir configuration");
  }
  if (checksum !== "" && git.checksum !== undefined && checksum !== git.checksum) {
    throw new DockerfileError(
      `checksum mismatch ${JSON.stringify(checksum)} != ${JSON.stringify(git.checksum)}`,
    );
  }
  const commit = git.checksum ?? checksum;
  return context.nodes.add({
    type: "git",
    name,
    location: instruction.range,
    stage: state.stage.label,
    remote: git.remote,
    ref: git.ref,
    subdir: git.subdir,
    keepGitDir: git.keepGitDir ?? asked ?? false,
    ...(commit !== "" && { checksum: commit }),
    ...(git.submodules === false && { skipSubmodules: true as const }),
  });
}

function addHttp(url: string, step: Step): { from: NodeId; path: string } {
  const { state, instruction, context, name, checksum, chmod } = step;
  if (checksum !== "" && !isDigest(checksum)) {
    throw new DockerfileError(`invalid checksum digest format: ${checksum}`);
  }
  let filename = "";
  try {
    filename = decodeURIComponent(posix.basename(new URL(url).pathname)).replaceAll("/", "");
  } catch {
    // The download says what is wrong with the address.
  }
  if (filename === "" || filename === "." || filename === "..") filename = "__unnamed__";
  const from = context.nodes.add({
    type: "http",
    name,
    location: instruction.range,
    stage: state.stage.label,
    url,
    filename,
    ...(checksum !== "" && { checksum: checksum as Digest }),
    ...(chmod !== undefined && "octal" in chmod && { mode: chmod.octal }),
  });
  return { from, path: `/${filename}` };
}

function warnIgnored(source: string, { instruction, context }: Step): void {
  const { ignore } = context;
  // With exceptions a file of an excluded folder may be there nevertheless.
  if (ignore === undefined || ignore.hasExceptions) return;
  const path = posix.normalize(source).replace(/(.)\/$/, "$1");
  const root = path === "." || path === "/";
  if (root ? !ignore.excludesAll : !ignore.excludes(path.replace(/^\//, ""))) return;
  context.linter.report(
    "CopyIgnoredFile",
    `Attempting to ${instruction.type === "add" ? "Add" : "Copy"} file ${JSON.stringify(path)} that is excluded by .dockerignore`,
    instruction.range,
  );
}
