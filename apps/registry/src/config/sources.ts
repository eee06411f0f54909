/** Where settings come from besides flags: the configuration file and the environment. */
import { readFileSync } from "node:fs";
import { log, messageOf } from "@berth/base";
import { foreignSetting } from "./foreign.ts";
import type { Kind } from "./kinds.ts";
import { type Config, environmentName, OPTION_LIST } from "./options.ts";

/** Sections in which a word may stand for the entry of that name (`REGISTRY_AUTH=htpasswd`). */
const CHOICES = ["storage", "auth"];

/** @throws Error that names the setting. */
export function setOption(
  target: Partial<Config>,
  key: keyof Config,
  value: unknown,
  kind: Kind<unknown>,
  where: string,
): void {
  try {
    const parsed = kind.parse(value);
    const before = target[key];
    const merged = before === undefined || kind.merge === undefined ? parsed : kind.merge(before, parsed);
    Object.assign(target, { [key]: merged });
  } catch (error) {
    throw new Error(`${where}: ${messageOf(error)}`);
  }
}

/** @throws Error that names the file and the setting. */
export function readConfigFile(file: string): Partial<Config> {
  const values: Partial<Config> = {};
  let document: unknown;
  try {
    document = Bun.YAML.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Error(`cannot read ${file}: ${messageOf(error)}`);
  }
  if (typeof document !== "object" || document === null || Array.isArray(document))
    throw new Error(`${file}: the file is not a map`);
  if (!apply(values, "", document, `${file}: `)) throw new Error(`${file}: unknown setting`);
  return values;
}

/**
 * Sets what is at a path, and below it.
 * @param where in front of the path, for errors. @returns whether the path is known. @throws Error.
 */
function apply(target: Partial<Config>, path: string, value: unknown, where: string): boolean {
  const entry = OPTION_LIST.find(([, option]) => option.path === path);
  if (entry !== undefined) {
    if (value !== null) setOption(target, entry[0], value, entry[1].kind, where + path);
    return true;
  }
  // Deprecated by Docker's registry, and still read by it.
  if (path === "loglevel") return apply(target, "log.level", value, where);
  const foreign = foreignSetting(path);
  if (foreign?.kind === "refused") throw new Error(`${where}${path} is not supported: ${foreign.why}`);
  if (foreign?.kind === "warn")
    log.warn("a setting that this registry does not have", { setting: where + path });
  if (foreign !== undefined) return true;
  const isSection = path === "" || OPTION_LIST.some(([, option]) => option.path.startsWith(`${path}.`));
  if (!isSection) return false;
  if (value === null) return true;
  if (typeof value === "string" && CHOICES.includes(path)) return chosen(target, path, value, where);
  if (typeof value !== "object" || Array.isArray(value)) throw new Error(`${where}${path} is not a map`);
  for (const [key, inner] of Object.entries(value)) {
    const below = path === "" ? key : `${path}.${key}`;
    if (!apply(target, below, inner, where)) throw new Error(`${where}unknown setting ${below}`);
  }
  return true;
}

function chosen(target: Partial<Config>, section: string, word: string, where: string): boolean {
  if (!apply(target, `${section}.${word}`, null, where))
    throw new Error(`${where}unknown setting ${section}.${word}`);
  if (section === "storage") target.driver = word;
  return true;
}

/**
 * `REGISTRY_HTTP_ADDR`; also a whole section as YAML (`REGISTRY_HTTP`), and an entry of a map
 * (`REGISTRY_HTTP_HEADERS_X-Frame-Options`). Others that begin so are left alone, as Docker's registry does:
 * Kubernetes makes some for a service with the name `registry`.
 */
export function applyEnvironment(
  target: Partial<Config>,
  environment: Readonly<Record<string, string | undefined>>,
): void {
  for (const name of Object.keys(environment).sort()) {
    const text = environment[name];
    if (!/^REGISTRY_[A-Za-z]/.test(name) || name === "REGISTRY_CONFIGURATION_PATH" || text === undefined)
      continue;
    const entry = OPTION_LIST.find(([, { path }]) => environmentName(path) === name.toUpperCase());
    if (entry !== undefined) {
      setOption(target, entry[0], text, entry[1].kind, name);
      continue;
    }
    const below = OPTION_LIST.find(
      ([, { path, kind }]) =>
        kind.merge !== undefined && name.toUpperCase().startsWith(`${environmentName(path)}_`),
    );
    if (below !== undefined) {
      const [key, { path, kind }] = below;
      setOption(target, key, { [name.slice(environmentName(path).length + 1)]: text }, kind, name);
      continue;
    }
    if (
      !apply(
        target,
        name.slice("REGISTRY_".length).toLowerCase().replaceAll("_", "."),
        yaml(text),
        `${name}: `,
      )
    )
      log.warn("a variable of the environment that is no setting", { name });
  }
}

function yaml(text: string): unknown {
  try {
    return Bun.YAML.parse(text);
  } catch {
    return text;
  }
}
