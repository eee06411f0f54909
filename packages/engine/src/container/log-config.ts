import type { ContainerConfig, LogConfig } from "@berth/api";
import { invalidParameter } from "@berth/base";
import type { LogTarget } from "@berth/runtime";

/** Docker finds these when the container starts; the client prints the same sentence. */
const failed = (text: string) => invalidParameter(`failed to initialize logging driver: ${text}`);

const OPTIONS = new Set([
  "max-file",
  "max-size",
  "compress",
  "labels",
  "labels-regex",
  "env",
  "env-regex",
  "tag",
]);
/** Understood for every driver. */
const COMMON = new Set(["mode", "max-buffer-size"]);

/** @throws invalid-parameter with Docker's sentences for an unknown driver, option or value. */
export function validateLogConfig(log: LogConfig): void {
  const options = log.Config ?? {};
  const mode = options.mode ?? "";
  if (mode !== "" && mode !== "blocking" && mode !== "non-blocking") {
    throw invalidParameter(`logger: logging mode not supported: ${mode}`);
  }
  if (options["max-buffer-size"] !== undefined) {
    if (mode !== "non-blocking") {
      throw invalidParameter("logger: max-buffer-size option is only supported with 'mode=non-blocking'");
    }
    parseSize("max-buffer-size", options["max-buffer-size"]);
  }
  if (log.Type === "none" || log.Type === "") return;
  if (log.Type !== "json-file") {
    throw invalidParameter(
      `error looking up logging plugin ${log.Type}: plugin ${JSON.stringify(log.Type)} not found`,
    );
  }
  for (const option of Object.keys(options)) {
    if (!OPTIONS.has(option) && !COMMON.has(option)) {
      throw invalidParameter(`unknown log opt '${option}' for json-file log driver`);
    }
  }
  limitsOf(options);
}

/** What the shim writes; `path` of the log file. */
export function logTarget(log: LogConfig, config: ContainerConfig, tag: TagFacts, path: string): LogTarget {
  if (log.Type === "none") return { driver: "none" };
  const options = log.Config ?? {};
  return {
    driver: "json-file",
    path,
    ...limitsOf(options),
    attributes: attributesOf(options, config, tag),
    ...(options.mode === "non-blocking" ? { buffer: bufferOf(options) } : {}),
  };
}

/** `max-buffer-size`; Docker's default is 1 MiB. */
function bufferOf(options: Record<string, string>): number {
  const text = options["max-buffer-size"];
  return text === undefined ? 1024 * 1024 : parseSize("max-buffer-size", text);
}

function limitsOf(options: Record<string, string>): { maxSize: number; maxFiles: number; compress: boolean } {
  const maxSize = options["max-size"] === undefined ? 0 : parseSize("max-size", options["max-size"]);
  let maxFiles = 1;
  if (options["max-file"] !== undefined) {
    maxFiles = /^\+?\d{1,9}$/.test(options["max-file"]) ? Number(options["max-file"]) : 0;
    if (maxFiles < 1) throw failed("max-file cannot be less than 1");
    // Docker refuses it too: without a size nothing is ever rotated.
    if (maxFiles > 1 && maxSize === 0) throw failed("max-file option must be used with max-size option");
  }
  let compress = false;
  if (options.compress !== undefined) {
    if (!/^(1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$/.test(options.compress)) {
      throw invalidParameter(`invalid value for compress: ${options.compress}`);
    }
    compress = /^(1|t|T|TRUE|true|True)$/.test(options.compress);
    if (compress && (maxFiles === 1 || maxSize === 0)) {
      throw failed("compress cannot be true when max-file is less than 2 or max-size is not set");
    }
  }
  return { maxSize, maxFiles, compress };
}

/** `10m`, `1g`, `500k`, `100` → bytes. */
function parseSize(option: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(text.trim());
  if (!match) throw failed(`invalid size: '${text}'`);
  const exponent = ["", "k", "m", "g", "t"].indexOf(match[2]!.toLowerCase());
  const size = Math.floor(Number(match[1]) * 1024 ** exponent);
  if (size <= 0 && option === "max-size") throw failed("max-size must be a positive number");
  return size;
}

export interface TagFacts {
  id: string;
  name: string;
  imageId: string;
  imageName: string;
  /** Program and arguments. */
  command: string;
  daemonName: string;
}

/** Labels and variables that the options name, and the tag: Docker's `attrs`. */
function attributesOf(
  options: Record<string, string>,
  config: ContainerConfig,
  facts: TagFacts,
): Record<string, string> {
  const attributes: Record<string, string> = {};
  const choose = (names: string | undefined, pattern: string | undefined, values: Map<string, string>) => {
    for (const name of (names ?? "").split(",")) {
      const value = values.get(name);
      if (name !== "" && value !== undefined) attributes[name] = value;
    }
    if (!pattern) return;
    let expression: RegExp;
    try {
      expression = new RegExp(pattern);
    } catch {
      throw failed(`error parsing regexp: \`${pattern}\``);
    }
    for (const [name, value] of values) if (expression.test(name)) attributes[name] = value;
  };
  choose(options.labels, options["labels-regex"], new Map(Object.entries(config.Labels ?? {})));
  const env = new Map<string, string>();
  for (const entry of config.Env ?? []) {
    const at = entry.indexOf("=");
    if (at > 0) env.set(entry.slice(0, at), entry.slice(at + 1));
  }
  choose(options.env, options["env-regex"], env);
  const tag = options.tag;
  if (tag) attributes.tag = expandTag(tag, facts);
  return attributes;
}

/** The fields of Docker's log tag templates, `{{.Name}}` and the like. @throws invalid-parameter for anything else in braces. */
function expandTag(template: string, facts: TagFacts): string {
  const imageId = facts.imageId.replace(/^sha256:/, "");
  const fields: Record<string, string> = {
    ID: facts.id.slice(0, 12),
    FullID: facts.id,
    ContainerID: facts.id,
    Name: facts.name,
    ContainerName: `/${facts.name}`,
    ImageID: imageId.slice(0, 12),
    ImageFullID: facts.imageId,
    ContainerImageID: facts.imageId,
    ImageName: facts.imageName,
    ContainerImageName: facts.imageName,
    Command: facts.command,
    DaemonName: facts.daemonName,
  };
  return template.replace(/\{\{-?\s*(.*?)\s*-?\}\}/gs, (whole, action: string, at: number) => {
    const field = /^\.(\w+)$/.exec(action)?.[1];
    const value = field === undefined ? undefined : fields[field];
    if (value !== undefined) return value;
    const place = `template: log-tag:1:${at + 2}`;
    throw failed(
      field === undefined
        ? `${place}: ${whole.slice(0, 200)} is not supported in a log tag: only fields are, such as {{.Name}}`
        : `${place}: executing "log-tag" at <.${field}>: can't evaluate field ${field} in type *logger.Info`,
    );
  });
}
