import { readFileSync } from "node:fs";
import { parseJson } from "@berth/api";
import { invalidParameter, messageOf } from "@berth/base";
import { type DaemonConfig, OPTION_LIST } from "./options.ts";

/** A configuration file has no reason to be larger. */
const SIZE_LIMIT = 1 << 20;

const BY_KEY = new Map(OPTION_LIST.filter(([, { key }]) => key !== "").map((entry) => [entry[1].key, entry]));

/** Keys that have no flag, and what is said of values other than these. */
const FILE_ONLY: Record<string, (value: unknown) => boolean> = {
  proxies: (value) => isObject(value) && Object.keys(value).length === 0,
};

/**
 * Reads daemon.json. `missingIsEmpty`: the default path need not exist.
 * @throws invalid-parameter `unable to configure the Docker daemon with file …` with dockerd's reason.
 */
export function readConfigFile(path: string, options: { missingIsEmpty: boolean }): Partial<DaemonConfig> {
  const failed = (reason: string) =>
    invalidParameter(`unable to configure the Docker daemon with file ${path}: ${reason}`);
  let content: string;
  try {
    content = readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT") throw failed(messageOf(error));
    if (options.missingIsEmpty) return {};
    throw failed(`open ${path}: no such file or directory`);
  }
  if (content.length > SIZE_LIMIT) throw failed(`the file is larger than ${SIZE_LIMIT} bytes`);
  if (content.trim() === "") throw failed("EOF");
  try {
    return decode(parseJson(content));
  } catch (error) {
    throw failed(messageOf(error).replace(/^invalid JSON: /, ""));
  }
}

function decode(json: unknown): Partial<DaemonConfig> {
  if (!isObject(json))
    throw invalidParameter("json: cannot unmarshal into Go value of type map[string]interface {}");
  const unknown = Object.entries(json).flatMap(([key, value]) => {
    if (BY_KEY.has(key) || Object.hasOwn(FILE_ONLY, key)) return [];
    return isObject(value) ? Object.keys(value) : [key];
  });
  if (unknown.length > 0) {
    throw invalidParameter(
      `the following directives don't match any configuration option: ${unknown.join(", ")}`,
    );
  }
  const values: [string, unknown][] = [];
  for (const [key, value] of Object.entries(json)) {
    const entry = BY_KEY.get(key);
    if (entry !== undefined) values.push([entry[0], entry[1].kind.fromJson(value, key)]);
    else if (FILE_ONLY[key]?.(value) === false) {
      throw invalidParameter(`${key}: this setting is not supported by berth yet`);
    }
  }
  return Object.fromEntries(values) as Partial<DaemonConfig>;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
