import { posix } from "node:path";
import { type MountFlag, readMount } from "../instruction/mount.ts";
import type { InstructionOf } from "../instruction/types.ts";
import { DockerfileError } from "../parse/error.ts";
import { readHeredoc } from "../parse/heredoc.ts";
import { chompTabs } from "../parse/statement.ts";
import { displayText, heredocSummary } from "./names.ts";
import type { NodeList } from "./node-list.ts";
import type { NodeId, RunMount, RunNode } from "./operation.ts";
import { resolvePath } from "./paths.ts";
import type { StageState } from "./stage-state.ts";

/** Where heredocs that are scripts of their own appear. */
const PIPES = "/dev/pipes";
const DEFAULT_CACHE_MODE = 0o755;
const DEFAULT_SECRET_MODE = 0o400;
const DEFAULT_SSH_MODE = 0o600;

export interface RunContext {
  nodes: NodeList;
  escapeToken: string;
  expand(text: string): string;
  /** The node of a mount's `from`, by its position; the main context without one. */
  source(mount: number, flag: MountFlag): NodeId;
  proxyEnv: string[];
  network: RunNode["network"];
  hostname: string | undefined;
  cacheNamespace: string;
  onbuild: boolean;
}

/** Adds a RUN to the stage. @throws DockerfileError. */
export function applyRun(state: StageState, instruction: InstructionOf<"run">, context: RunContext): void {
  const { command, heredocs, flags } = instruction;
  let display = instruction.code;
  let words = command.words;
  const scripts: RunNode["scripts"] = [];
  if (heredocs.length > 0 && command.shellForm) {
    const only = readHeredoc(words[0] ?? "");
    if (only !== undefined) {
      const first = heredocs[0]!;
      const content = first.chomp ? chompTabs(first.content) : first.content;
      display += heredocSummary(first);
      if (content.startsWith("#!") && state.imagePlatform.os !== "windows") {
        const path = `${PIPES}/${first.name.replaceAll("/", "_")}`;
        scripts.push({ path, content });
        words = [path];
      } else words = [content];
    } else {
      words = [[words[0] ?? "", ...heredocs.map(({ content, name }) => content + name)].join("\n")];
    }
  }
  const argv = command.shellForm ? state.shellOf(words) : words;
  const mounts = flags.mounts.map((text, at) => resolveMount(state, text, at, context));
  const id = context.nodes.add({
    type: "run",
    name: state.names.next(displayText(display, state.variables, context.escapeToken, true), state.platform, {
      variables: state.variables,
      onbuild: context.onbuild,
    }),
    location: instruction.range,
    stage: state.stage.label,
    ...(state.stage.ignoreCache && { ignoreCache: true as const }),
    base: state.node,
    argv,
    env: state.variables.toEnv(),
    proxyEnv: context.proxyEnv,
    cwd: state.workdir,
    user: state.config.User ?? "",
    mounts,
    network: flags.network === "default" ? context.network : flags.network,
    security: flags.security,
    ...(context.hostname !== undefined && { hostname: context.hostname }),
    devices: flags.devices,
    scripts,
    platform: state.platform,
  });
  context.nodes.use(state.node, "/");
  state.node = id;
  state.commit(`RUN ${historyCommand(state, argv)} # buildkit`, true);
}

/** `|1 VERSION=1 /bin/sh -c make`: the ARGs that the step saw, then what ran. */
function historyCommand(state: StageState, argv: readonly string[]): string {
  const args = new Map<string, string>();
  for (const { name, value } of state.buildArgs) args.set(name, state.variables.get(name) ?? value ?? "");
  const shown = [...args].map(([name, value]) => `${name}=${value}`);
  return [...(shown.length > 0 ? [`|${shown.length}`, ...shown] : []), ...argv].join(" ");
}

function resolveMount(state: StageState, text: string, at: number, context: RunContext): RunMount {
  const flag = readMount(text, context.expand);
  const owner = { uid: flag.uid ?? 0, gid: flag.gid ?? 0 };
  if (flag.type === "secret") {
    const id = flag.source || flag.id || posix.basename(flag.target);
    return {
      type: "secret",
      id,
      ...(flag.target !== ""
        ? { target: resolvePath(state.workdir, flag.target, false) }
        : flag.env === undefined && { target: `/run/secrets/${posix.basename(id)}` }),
      ...(flag.env !== undefined && { env: flag.env }),
      required: flag.required,
      mode: flag.mode ?? DEFAULT_SECRET_MODE,
      ...owner,
    };
  }
  if (flag.type === "ssh") {
    return {
      type: "ssh",
      id: flag.id || flag.source || "default",
      ...(flag.target !== "" && { target: resolvePath(state.workdir, flag.target, false) }),
      required: flag.required,
      mode: flag.mode ?? DEFAULT_SSH_MODE,
      ...owner,
    };
  }
  const target = resolvePath(state.workdir, flag.target, false);
  if (target === "/") throw new DockerfileError(`invalid mount target ${JSON.stringify(target)}`);
  if (flag.type === "tmpfs")
    return { type: "tmpfs", target, ...(flag.size !== undefined && { size: flag.size }) };
  const source = resolvePath("/", flag.source, false);
  if (flag.type === "cache") {
    const from = flag.from === "" || flag.from === "scratch" ? undefined : context.source(at, flag);
    if (from !== undefined) context.nodes.use(from, source);
    return {
      type: "cache",
      id: `${context.cacheNamespace}/${flag.id || posix.normalize(flag.target)}`,
      ...(from !== undefined && { from }),
      source,
      target,
      sharing: flag.sharing ?? "shared",
      readOnly: flag.readOnly,
      mode: flag.mode ?? DEFAULT_CACHE_MODE,
      ...owner,
    };
  }
  const from = context.source(at, flag);
  context.nodes.use(from, source);
  return { type: "bind", from, source, target, readWrite: !flag.readOnly };
}
