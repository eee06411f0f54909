import { type Digest, sha256 } from "@berth/base";
import { JsonReader, present } from "./json-reader.ts";
import { MAX_LAYERS } from "./manifest.ts";

/** The image configuration (OCI image-spec config.md with Docker's additions), as stored. */
export interface ImageConfigFile {
  architecture: string;
  os: string;
  variant?: string;
  "os.version"?: string;
  created?: string;
  author?: string;
  /** Docker: the container and its config that this image was committed from; docker-py 5 reads them. */
  container?: string;
  container_config?: unknown;
  docker_version?: string;
  config?: ImageRuntimeConfig;
  rootfs: { type: "layers"; diff_ids: Digest[] };
  history?: ImageHistory[];
}

export interface ImageHistory {
  /** RFC 3339. */
  created?: string;
  created_by?: string;
  author?: string;
  comment?: string;
  empty_layer?: boolean;
}

export interface ImageRuntimeConfig {
  Hostname?: string;
  User?: string;
  ExposedPorts?: Record<string, object> | null;
  Env?: string[] | null;
  Entrypoint?: string[] | null;
  Cmd?: string[] | null;
  Volumes?: Record<string, object> | null;
  WorkingDir?: string;
  Labels?: Record<string, string> | null;
  StopSignal?: string;
  Shell?: string[] | null;
  OnBuild?: string[] | null;
  Healthcheck?: {
    Test?: string[];
    Interval?: number;
    Timeout?: number;
    StartPeriod?: number;
    StartInterval?: number;
    Retries?: number;
  } | null;
  ArgsEscaped?: boolean;
}

export const MAX_CONFIG_BYTES = 8 << 20;
const MAX_LIST = 16_384;
const MAX_HISTORY = 4096;

/**
 * Reads an image's configuration. Members that Berth does not know are left out of the result: whoever needs them
 * (the image id is a digest of all bytes) keeps the bytes.
 * @throws invalid-parameter.
 */
export function parseImageConfig(bytes: Uint8Array): ImageConfigFile {
  const json = JsonReader.parse(bytes, "image configuration", MAX_CONFIG_BYTES);
  const rootfs = json.get("rootfs");
  const type = rootfs.get("type").optionalText();
  if (type !== "layers") throw rootfs.fail("type must be layers");
  const diffIds = rootfs
    .get("diff_ids")
    .list(MAX_LAYERS)
    .map((each) => each.digest());
  const history = json.get("history").list(MAX_HISTORY).map(readHistory);
  const config = json.get("config");
  const containerConfig = json.get("container_config");
  return present({
    architecture: json.get("architecture").optionalText() ?? "",
    os: json.get("os").optionalText() || "linux",
    variant: json.get("variant").optionalText(),
    "os.version": json.get("os.version").optionalText(),
    created: json.get("created").optionalText(),
    author: json.get("author").optionalText(),
    container: json.get("container").optionalText(),
    container_config: containerConfig.absent ? undefined : readRuntimeConfig(containerConfig),
    docker_version: json.get("docker_version").optionalText(),
    config: config.absent ? undefined : readRuntimeConfig(config),
    rootfs: { type: "layers" as const, diff_ids: diffIds },
    history: json.get("history").absent ? undefined : history,
  }) as ImageConfigFile;
}

function readHistory(json: JsonReader): ImageHistory {
  return present({
    created: json.get("created").optionalText(),
    created_by: json.get("created_by").optionalText(),
    author: json.get("author").optionalText(),
    comment: json.get("comment").optionalText(),
    empty_layer: json.get("empty_layer").optionalBoolean(),
  }) as ImageHistory;
}

function readRuntimeConfig(json: JsonReader): ImageRuntimeConfig {
  const health = json.get("Healthcheck");
  return present({
    Hostname: json.get("Hostname").optionalText(),
    Domainname: json.get("Domainname").optionalText(),
    User: json.get("User").optionalText(),
    ExposedPorts: json.get("ExposedPorts").optionalSet(MAX_LIST),
    Env: json.get("Env").optionalTexts(MAX_LIST),
    Entrypoint: textOrTexts(json.get("Entrypoint")),
    Cmd: textOrTexts(json.get("Cmd")),
    Image: json.get("Image").optionalText(),
    Volumes: json.get("Volumes").optionalSet(MAX_LIST),
    WorkingDir: json.get("WorkingDir").optionalText(),
    Labels: json.get("Labels").optionalTextMap(MAX_LIST),
    StopSignal: json.get("StopSignal").optionalText(),
    StopTimeout: json.get("StopTimeout").optionalInteger(),
    Shell: textOrTexts(json.get("Shell")),
    OnBuild: json.get("OnBuild").optionalTexts(MAX_LIST),
    Healthcheck: health.absent
      ? undefined
      : present({
          Test: health.get("Test").optionalTexts(MAX_LIST) ?? undefined,
          Interval: health.get("Interval").optionalInteger(0),
          Timeout: health.get("Timeout").optionalInteger(0),
          StartPeriod: health.get("StartPeriod").optionalInteger(0),
          StartInterval: health.get("StartInterval").optionalInteger(0),
          Retries: health.get("Retries").optionalInteger(0),
        }),
    ArgsEscaped: json.get("ArgsEscaped").optionalBoolean(),
    Tty: json.get("Tty").optionalBoolean(),
    OpenStdin: json.get("OpenStdin").optionalBoolean(),
    StdinOnce: json.get("StdinOnce").optionalBoolean(),
    AttachStdin: json.get("AttachStdin").optionalBoolean(),
    AttachStdout: json.get("AttachStdout").optionalBoolean(),
    AttachStderr: json.get("AttachStderr").optionalBoolean(),
    NetworkDisabled: json.get("NetworkDisabled").optionalBoolean(),
    MacAddress: json.get("MacAddress").optionalText(),
  }) as ImageRuntimeConfig;
}

/** Old images have a text where a list belongs. */
function textOrTexts(json: JsonReader): string[] | null | undefined {
  return typeof json.value === "string" ? [json.value] : json.optionalTexts(MAX_LIST);
}

/** OCI image-spec config.md, "Layer ChainID": names a stack of layers by its content, base first. */
export function chainIds(diffIds: readonly Digest[]): Digest[] {
  const chain: Digest[] = [];
  for (const diffId of diffIds) {
    const below = chain.at(-1);
    chain.push(below === undefined ? diffId : sha256(`${below} ${diffId}`));
  }
  return chain;
}
