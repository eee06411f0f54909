import type {
  BuildResult,
  NativeBuildRequest,
  NativeProcess,
  ProgressEvent,
  StepExplanation,
} from "@berth/api/build";
import { BuildFailure, build, UnseenFolders } from "@berth/client/build";
import { absolutePath } from "../absolute-path.ts";
import { resolveEnvironment } from "../container-options/key-values.ts";
import { withProxies } from "../container-options/proxy-environment.ts";
import type { Context } from "../context.ts";
import { CommandError, ExitStatus } from "../errors.ts";
import type { FlagValues } from "../flags/flag.ts";
import { lazyNode } from "../lazy-node.ts";
import { type BuildFiles, isRemote, unseenFiles } from "./context-argument.ts";
import { excerpt, failureReport } from "./failure.ts";
import type { BUILD_FLAGS } from "./flags.ts";
import { keyValueList } from "./key-value-list.ts";
import { agentsOf, cacheEndpoints, secretsOf } from "./offers.ts";
import { outputsOf } from "./outputs.ts";
import { buildProgress, type ProgressView, progressView } from "./progress/index.ts";
import type { Steps } from "./progress/steps.ts";

type Values = FlagValues<typeof BUILD_FLAGS>;

/** One build as a command line asks for it. @throws CommandError, ExitStatus. */
export async function runBuild(context: Context, values: Values, path: string): Promise<void> {
  checkTogether(values);
  const mode = buildProgress(context, values.progress);
  if (values.quiet && mode !== "auto" && mode !== "quiet")
    throw new CommandError(`ERROR: progress=${mode} and quiet cannot be used together`);
  const progress = await progressView(context, values.quiet ? "quiet" : mode);
  // A file of an earlier build must not stand for this one.
  if (values.iidfile !== "") lazyNode.fs.rmSync(values.iidfile, { force: true });
  using interruption = interruptible();
  using files = await unseenFiles(context, path, values.file);
  let unseenBy = files.look && (await unseenClient(context, values));
  for (;;) {
    if (unseenBy === undefined) await files.look?.();
    try {
      const result = await perform(context, values, files, progress.event, interruption.signal, unseenBy);
      await progress.finish();
      return await report(context, values, result, progress);
    } catch (error) {
      // What is wrong with the folder is told before anything else.
      if (!(error instanceof BuildFailure)) await files.look?.();
      if (error instanceof UnseenFolders) {
        unseenBy = undefined;
        continue;
      }
      await progress.finish();
      if (!(error instanceof BuildFailure)) throw error;
      const { dockerfile } = files;
      throw await explainFailure(context, error, progress.steps, { dockerfile, quiet: progress.raw });
    }
  }
}

/** What a complaint may come of, or something that is done beside, before the daemon is asked. */
const TOLD_EARLIER = [
  "annotation",
  "attest",
  "build-context",
  "cache-from",
  "cache-to",
  "output",
  "secret",
  "ssh",
] as const;

/** We ourselves, when the daemon can look at the folders in our place; to look starts two threads. */
async function unseenClient(context: Context, values: Values): Promise<NativeProcess | undefined> {
  if (TOLD_EARLIER.some((name) => values[name].length > 0)) return undefined;
  // What is wrong with the daemon's address is told after what is wrong with the folder.
  const address = await context.client().then(
    (client) => client.address,
    () => undefined,
  );
  return address?.kind === "unix" ? { pid: process.pid, arguments: process.argv.slice(2) } : undefined;
}

const RIGHTS = ["network.host", "security.insecure"];

/** What cannot be asked for, or not together. @throws CommandError */
function checkTogether(values: Values): void {
  if (values["no-cache"] && values["no-cache-filter"].length > 0)
    throw new CommandError("ERROR: --no-cache and --no-cache-filter cannot currently be used together");
  for (const right of values.allow)
    if (!RIGHTS.includes(right)) throw new CommandError(`ERROR: unknown entitlement ${right}`);
  callOf(values);
}

/** A signal that Ctrl-C and SIGTERM abort. */
export function interruptible(): { signal: AbortSignal } & Disposable {
  const controller = new AbortController();
  const interrupt = () => controller.abort(new CommandError("context canceled", 130));
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", interrupt);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      process.off("SIGINT", interrupt);
      process.off("SIGTERM", interrupt);
    },
  };
}

/** Builds, without showing anything. `unseenBy`: as of `build`. @throws BuildFailure, CommandError, UnseenFolders. */
export async function perform(
  context: Context,
  values: Values,
  files: BuildFiles,
  onEvent: (event: ProgressEvent) => void,
  signal: AbortSignal,
  unseenBy?: NativeProcess,
): Promise<BuildResult> {
  const client = await context.client();
  const isLocal = client.address.kind === "unix";
  const direct = isLocal && process.getuid?.() === 0;
  const outputs = await outputsOf(context, values, direct);
  const attributes = await attributesOf(context, values, files);
  const request: NativeBuildRequest = {
    attributes,
    exporters: isCall(values) ? [] : outputs.exporters.map((each) => annotated(each, values)),
    cacheImports: await cacheEndpoints(values["cache-from"], isLocal),
    cacheExports: await cacheEndpoints(values["cache-to"], isLocal),
    entitlements: values.allow,
    explain: values.explain,
    quiet: values.quiet && !isCall(values),
  };
  const offers = {
    folders: files.folders,
    secrets: secretsOf(context, values.secret),
    agents: await agentsOf(context, values.ssh),
    receivers: outputs.receivers,
    ...(files.upload !== undefined && { upload: files.upload }),
  };
  const { file } = await context.configuration();
  const hasCredentials =
    Object.keys(file.auths ?? {}).length > 0 ||
    file.credsStore !== undefined ||
    file.credHelpers !== undefined;
  return build(client, {
    request,
    offers,
    known: files.known,
    ...(unseenBy !== undefined && { unseenBy }),
    sharedKey: () => sharedKey(files),
    ...(hasCredentials && {
      registryConfig: await (await import("../config/registry-auth.ts")).registryConfig(context),
    }),
    onEvent,
    signal,
  });
}

async function report(
  context: Context,
  values: Values,
  result: BuildResult,
  { steps, raw }: ProgressView,
): Promise<void> {
  const { imageId } = result;
  if (values.quiet && imageId !== undefined && !isCall(values)) await context.stdout.write(`${imageId}\n`);
  if (values.iidfile !== "" && imageId !== undefined) lazyNode.fs.writeFileSync(values.iidfile, imageId);
  if (values["metadata-file"] !== "") writeMetadata(values["metadata-file"], result);
  if (isCall(values)) return reportCall(context, values, result, steps);
  if (!values.quiet && !raw) await context.stderr.write(warningSummary(steps, values.debug));
  if (values.explain) await context.stdout.write(explanation(result.steps));
}

/** `--metadata-file` of one build, or of several by the names of their targets. */
export function writeMetadata(file: string, results: BuildResult | Record<string, BuildResult>): void {
  const one = (result: BuildResult) => {
    const metadata = {
      "buildx.build.ref": `default/default/${result.ref}`,
      ...parsedMetadata(result.exporterResponse),
    };
    return Object.fromEntries(Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1)));
  };
  const isOne = (value: typeof results): value is BuildResult => typeof value.ref === "string";
  const json = isOne(results)
    ? one(results)
    : Object.fromEntries(Object.entries(results).map(([name, result]) => [name, one(result)]));
  lazyNode.fs.writeFileSync(file, JSON.stringify(json, null, 2));
}

/** Values that are JSON themselves (descriptors, provenance) become part of the metadata's JSON. */
function parsedMetadata(response: Record<string, string>): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(response)) {
    const encoded =
      /^(?:containerimage\.descriptor|containerimage\.buildinfo|buildx\.build\.provenance)/.test(name);
    try {
      found[name] = encoded ? JSON.parse(Buffer.from(value, "base64").toString("utf8")) : value;
    } catch {
      found[name] = value;
    }
  }
  return found;
}

function warningSummary({ warnings }: Steps, all: boolean): string {
  if (warnings.length === 0) return "";
  const head = ` ${warnings.length} warning${warnings.length === 1 ? "" : "s"} found`;
  if (!all) {
    const lines = warnings.map(
      (each) => ` - ${each.short}${/\(line \d+\)$/.test(each.short) ? "" : at(each.source)}\n`,
    );
    return `\n${head} (use --debug to expand):\n${lines.join("")}`;
  }
  return `\n${head}:\n${warnings.map(warningText).join("")}`;
}

function at(source: { startLine: number } | undefined): string {
  return source === undefined ? "" : ` (line ${source.startLine})`;
}

function warningText(each: Steps["warnings"][number]): string {
  const place = each.source === undefined ? "" : excerpt(each.source, undefined);
  const url = each.url === undefined ? "" : `More info: ${each.url}\n`;
  return `\nWARNING: ${each.short}\n${each.detail.map((line) => `${line}\n`).join("")}${url}${place}`;
}

/** What was asked about the Dockerfile, on stdout. */
async function reportCall(
  context: Context,
  values: Values,
  { exporterResponse }: BuildResult,
  steps: Steps,
): Promise<void> {
  const { request, json } = callOf(values);
  if (json) {
    const answer = JSON.parse(exporterResponse["result.json"] ?? "{}");
    await context.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
    if (exporterResponse["result.statuscode"] === "1") throw new ExitStatus(1);
  } else if (request === "frontend.lint") await reportCheck(context, steps);
  else await context.stdout.write(exporterResponse["result.txt"] ?? "");
}

/** `--check`: warnings are the result. */
async function reportCheck(context: Context, { warnings }: Steps): Promise<void> {
  if (warnings.length === 0) {
    await context.stdout.write("Check complete, no warnings found.\n");
    return;
  }
  const count = `${warnings.length} warning${warnings.length === 1 ? " has" : "s have"}`;
  await context.stdout.write(`Check complete, ${count} been found!\n${warnings.map(warningText).join("")}`);
  throw new ExitStatus(1);
}

function explanation(steps: readonly StepExplanation[]): string {
  const lines = steps.map(({ name, cached, reason, duration }) => {
    const mark = cached ? "cached" : `${(duration / 1000).toFixed(1)}s`;
    return `${mark.padStart(7)}  ${name}\n         ${reason}\n`;
  });
  return `\n${lines.join("")}`;
}

/** Shows what failed, with the lines of the Dockerfile. @returns the error that is left to say. */
export async function explainFailure(
  context: Context,
  { failure }: BuildFailure,
  steps: Steps,
  about: { dockerfile: string | undefined; quiet: boolean; target?: string },
): Promise<CommandError> {
  const { dockerfile, quiet, target } = about;
  const text =
    dockerfile !== undefined && lazyNode.fs.existsSync(dockerfile)
      ? lazyNode.fs.readFileSync(dockerfile, "utf8")
      : undefined;
  if (!quiet) await context.stderr.write(failureReport(failure, steps, text));
  const hint = failure.hint === undefined ? "" : `\n${failure.hint}`;
  const of = target === undefined ? "" : `target ${target}: `;
  return new CommandError(`ERROR: ${of}failed to solve: ${failure.message}${hint}`);
}

const CALLS: Readonly<Record<string, string>> = {
  build: "",
  check: "frontend.lint",
  lint: "frontend.lint",
  outline: "frontend.outline",
  targets: "frontend.targets",
};

/** `--call` and `--check`: BuildKit's name of what is asked for, empty for a build. @throws CommandError */
function callOf(values: Values): { request: string; json: boolean } {
  const [name = "", ...more] = (values.check ? "check" : values.call).split(",");
  const request = CALLS[name.startsWith("type=") ? name.slice("type=".length) : name];
  if (request === undefined)
    throw new CommandError(`ERROR: --call=${values.call} is not supported: build, check, outline or targets`);
  const format = more.find((each) => each.startsWith("format="))?.slice("format=".length);
  if (format !== undefined && format !== "json" && format !== "text")
    throw new CommandError(`ERROR: invalid format ${JSON.stringify(format)} of --call: text or json`);
  return { request, json: format === "json" };
}

function isCall(values: Values): boolean {
  return callOf(values).request !== "";
}

function annotated(
  exporter: NativeBuildRequest["exporters"][number],
  values: Values,
): NativeBuildRequest["exporters"][number] {
  if (values.annotation.length === 0) return exporter;
  const attributes = { ...exporter.attributes };
  for (const text of values.annotation) {
    const at = text.indexOf("=");
    if (at < 1) throw new CommandError(`invalid annotation ${JSON.stringify(text)}: expected key=value`);
    const [, type = "manifest", key = ""] =
      /^(?:([a-z,-]+(?:\[[^\]]*\])?):)?(.+)$/.exec(text.slice(0, at)) ?? [];
    for (const kind of type.split(",")) {
      attributes[`annotation${kind === "manifest" ? "" : `-${kind}`}.${key}`] = text.slice(at + 1);
    }
  }
  return { ...exporter, attributes };
}

async function attributesOf(
  context: Context,
  values: Values,
  files: BuildFiles,
): Promise<Record<string, string>> {
  const attributes: Record<string, string> = { ...files.attributes };
  const set = (name: string, value: string) => {
    if (value !== "") attributes[name] = value;
  };
  for (const text of await buildArguments(context, values["build-arg"])) {
    const at = text.indexOf("=");
    if (at > 0) attributes[`build-arg:${text.slice(0, at)}`] = text.slice(at + 1);
  }
  const epoch = context.environment.SOURCE_DATE_EPOCH;
  if (epoch) attributes["build-arg:SOURCE_DATE_EPOCH"] ??= epoch;
  for (const text of values.label) {
    const at = text.indexOf("=");
    attributes[`label:${at < 0 ? text : text.slice(0, at)}`] = at < 0 ? "" : text.slice(at + 1);
  }
  set("target", values.target);
  set("platform", values.platform.join(",") || (context.environment.DOCKER_DEFAULT_PLATFORM ?? ""));
  if (values["no-cache"]) attributes["no-cache"] = "";
  else set("no-cache", values["no-cache-filter"].join(","));
  if (values.pull) attributes["image-resolve-mode"] = "pull";
  if (values.network !== "default") set("force-network-mode", values.network);
  set("add-hosts", values["add-host"].map((pair) => pair.replace(":", "=")).join(","));
  set("cgroup-parent", values["cgroup-parent"]);
  if (values["shm-size"] > 0) attributes["shm-size"] = String(values["shm-size"]);
  set("ulimit", values.ulimit.map(({ Name, Soft, Hard }) => `${Name}=${Soft}:${Hard}`).join(","));
  if (values.squash) attributes.squash = "true";
  set("requestid", callOf(values).request);
  classicLimits(values, set);
  for (const text of values["build-context"]) namedContext(files, attributes, text);
  attestations(values, attributes);
  return attributes;
}

function classicLimits(values: Values, set: (name: string, value: string) => void): void {
  for (const name of ["memory", "memory-swap", "cpu-period", "cpu-quota", "cpu-shares"] as const) {
    if (values[name] !== 0) set(name, String(values[name]));
  }
  set("cpuset-cpus", values["cpuset-cpus"]);
  set("cpuset-mems", values["cpuset-mems"]);
  set("security-opt", values["security-opt"].join(","));
}

/** Names without a value take that of the environment; config.json's proxies come first, so that they can be overridden. */
async function buildArguments(context: Context, given: readonly string[]): Promise<string[]> {
  const { file } = await context.configuration();
  const client = await context.client();
  const found = given.map((text) => resolveEnvironment(text, context.environment));
  return withProxies(found, file, client.host);
}

function namedContext(files: BuildFiles, attributes: Record<string, string>, text: string): void {
  const at = text.indexOf("=");
  if (at < 1) {
    const name = text.replace(/\/+$/, "").split("/").at(-1) || "name";
    const hint = `The build's own context is the last argument; another one has a name: --build-context ${name}=${text}`;
    throw new CommandError(`ERROR: invalid context value: ${text}, expected key=value\n${hint}`);
  }
  const name = text.slice(0, at).toLowerCase();
  const value = text.slice(at + 1);
  const layout = /^oci-layout:\/\/([^@]+?)(:[\w][\w.-]*)?(@.+)?$/.exec(value);
  if (layout !== null) {
    const [, path = "", tag = "", digest = ""] = layout;
    files.folders[`layout-${name}`] = absolutePath(path);
    attributes[`context:${name}`] = `oci-layout://layout-${name}${tag}${digest}`;
  } else if (/^(?:docker-image|target):/.test(value) || isRemote(value))
    attributes[`context:${name}`] = value;
  else {
    const path = absolutePath(value);
    if (!lazyNode.fs.existsSync(path))
      throw new CommandError(`failed to get build context ${name}: stat ${value}: no such file or directory`);
    files.folders[name] = path;
    attributes[`context:${name}`] = `local:${name}`;
  }
}

function attestations(values: Values, attributes: Record<string, string>): void {
  const put = (type: string, text: string) => {
    if (/^(?:false|0)$/i.test(text)) return;
    const rest = /^(?:true|1)?$/i.test(text) ? "" : text;
    attributes[`attest:${type}`] = rest;
  };
  for (const text of values.attest) {
    const { type, disabled, ...rest } = keyValueList(text);
    if (type !== "sbom" && type !== "provenance")
      throw new CommandError(`attestation type ${JSON.stringify(type ?? "")} is not supported`);
    const facts = Object.entries(rest).map(([name, value]) => `${name}=${value}`);
    put(type, disabled === "true" ? "false" : facts.join(",") || "true");
  }
  if (values.sbom !== "") put("sbom", values.sbom);
  if (values.provenance !== "") put("provenance", values.provenance);
}

/** The same for the same folder of this machine: only what changed since the last build is sent. */
async function sharedKey(files: BuildFiles): Promise<string> {
  const root = files.folders.context;
  if (root === undefined) return "";
  const { hostname } = await import("node:os");
  const machine = lazyNode.fs.existsSync("/etc/machine-id")
    ? lazyNode.fs.readFileSync("/etc/machine-id", "utf8").trim()
    : hostname();
  return new Bun.CryptoHasher("sha256")
    .update(`${machine} ${process.getuid?.()} ${absolutePath(root)}`)
    .digest("hex");
}
