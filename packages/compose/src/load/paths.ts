import { isAbsolute, join, normalize } from "node:path";
import { isWindowsPath } from "../short/volumes.ts";

type Dict = Record<string, unknown>;

/** How a relative path becomes an absolute one. */
export type Resolve = (path: string) => string;

/** Paths relative to a folder; `~` is the home directory. */
export function resolver(folder: string, home: string | undefined): Resolve {
  return (path) => {
    if (path === "~" || path.startsWith("~/")) {
      if (home !== undefined) return normalize(join(home, path.slice(1)));
    }
    if (isAbsolute(path) || isWindowsPath(path)) return path;
    return join(folder, path).replace(/(.)\/$/, "$1");
  };
}

/** Whether a build context is no folder: an URL or a git repository. */
export function isRemote(context: string): boolean {
  return (
    /^(https?|git|ssh|github\.com|oci-layout|docker-image|target|service):/.test(context) ||
    context.startsWith("github.com/") ||
    /^[^/\s]+@[^/:\s]+:/.test(context) ||
    /^[a-z][a-z0-9+.-]*:\/\//.test(context)
  );
}

/** Makes the paths of one service absolute. The service is changed. */
export function resolveService(service: Dict, resolve: Resolve): void {
  const at = (dict: unknown, key: string, skip: (path: string) => boolean = () => false) => {
    if (!isDict(dict)) return;
    const path = dict[key];
    if (typeof path === "string" && path !== "" && !skip(path)) dict[key] = resolve(path);
  };
  const { build } = service;
  if (isDict(build)) {
    build.context ??= ".";
    at(build, "context", isRemote);
    const contexts = build.additional_contexts;
    if (isDict(contexts)) for (const name of Object.keys(contexts)) at(contexts, name, isRemote);
    const { ssh } = build;
    if (isDict(ssh)) for (const name of Object.keys(ssh)) at(ssh, name);
  }
  for (const file of items(service.env_file)) at(file, "path");
  if (Array.isArray(service.label_file)) {
    service.label_file = service.label_file.map((path) => (typeof path === "string" ? resolve(path) : path));
  }
  for (const mount of items(service.volumes)) if (isDict(mount) && mount.type === "bind") at(mount, "source");
  const { develop } = service;
  if (isDict(develop)) for (const trigger of items(develop.watch)) at(trigger, "path");
}

/** Makes the paths of a whole model absolute. The model is changed. */
export function resolveModel(model: Dict, resolve: Resolve): void {
  for (const service of values(model.services)) if (isDict(service)) resolveService(service, resolve);
  for (const section of [model.secrets, model.configs]) {
    for (const object of values(section)) {
      if (isDict(object) && typeof object.file === "string") object.file = resolve(object.file);
    }
  }
  for (const volume of values(model.volumes)) {
    if (!isDict(volume) || !isDict(volume.driver_opts)) continue;
    const { driver_opts: options } = volume;
    if (volume.driver === "local" && options.o === "bind" && typeof options.device === "string") {
      options.device = resolve(options.device);
    }
  }
}

const isDict = (value: unknown): value is Dict =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const items = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const values = (value: unknown): unknown[] => (isDict(value) ? Object.values(value) : []);
