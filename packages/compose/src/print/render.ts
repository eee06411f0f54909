import { encoded, sha256 } from "@berth/base";
import type { Project, Service } from "../model.ts";
import { CONFIG, MODEL, NETWORK, SECRET, VOLUME } from "../schema/project.ts";
import { SERVICE } from "../schema/service.ts";
import { map, type Shape } from "../schema/shape.ts";
import { toJson } from "./json.ts";
import { byBytes, type Format, naturally, Pairs, plainTree, type Tree, toTree } from "./tree.ts";
import { toYaml } from "./yaml.ts";

const SECTIONS: readonly [keyof Project & string, Shape][] = [
  ["services", map(SERVICE)],
  ["networks", map(NETWORK)],
  ["volumes", map(VOLUME)],
  ["secrets", map(SECRET)],
  ["configs", map(CONFIG)],
  ["models", map(MODEL)],
];

/** The project as `config` prints it. */
export function renderProject(project: Project, format: Format): string {
  const entries: [string, Tree][] = [["name", project.name]];
  for (const [section, shape] of SECTIONS) {
    const shown =
      section === "services"
        ? withoutFiles(project.services)
        : section === "secrets" || section === "configs"
          ? withoutContents(project[section])
          : project[section];
    const tree = toTree(shown, shape, format);
    if (tree !== undefined) entries.push([section, tree]);
    else if (section === "services") entries.push([section, new Pairs([])]);
  }
  for (const key of Object.keys(project).sort(byBytes)) {
    if (key.startsWith("x-"))
      entries.push([
        key,
        plainTree(
          (project as unknown as Record<string, unknown>)[key],
          format === "yaml" ? naturally : byBytes,
        ),
      ]);
  }
  if (format === "yaml") return toYaml(new Pairs(entries));
  return `${toJson(new Pairs(entries.sort(([a], [b]) => byBytes(a, b))), "  ")}\n`;
}

/** What was read from files is in the environment and the labels already. */
function withoutFiles(services: Project["services"]): Project["services"] {
  return Object.fromEntries(
    Object.entries(services).map(([name, { env_file: _files, label_file: _labels, ...rest }]) => [
      name,
      rest,
    ]),
  );
}

/** What was read from variables is a secret, or would be read again. */
function withoutContents(objects: Project["secrets"]): Project["secrets"] {
  return Object.fromEntries(
    Object.entries(objects).map(([name, object]) => {
      if (object.environment === undefined) return [name, object];
      const { content: _content, ...rest } = object;
      return [name, rest];
    }),
  );
}

/** A service as one line of JSON, as Compose hashes it. */
export function serviceJson(service: Service): string {
  return toJson(toTree(service, SERVICE, "hash")!);
}

/**
 * The label `com.docker.compose.config-hash`: SHA-256 of the service without what does not change its containers (build,
 * pull policy, number). Equal to Docker Compose 2.26's, so that neither makes the other's containers anew.
 */
export function serviceHash(service: Service): string {
  const { build: _build, pull_policy: _policy, scale: _scale, ...rest } = service;
  const resolved: Service = { ...rest };
  if (resolved.deploy !== undefined) {
    const { replicas: _replicas, ...deploy } = resolved.deploy;
    resolved.deploy = deploy;
  }
  return encoded(sha256(serviceJson(resolved)));
}

/** The project as it stands in memory, with sorted keys: what `config --no-interpolate` prints. */
export function renderModel(project: Project, format: Format): string {
  const tree = plainTree(withoutEmpty(project), format === "yaml" ? naturally : byBytes);
  return format === "yaml" ? toYaml(tree) : `${toJson(tree, "  ")}\n`;
}

/** Without sections that hold nothing, and without what is only there for canonical models. */
function withoutEmpty(project: Project): unknown {
  const made: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(project)) {
    if (typeof value === "object" && value !== null && Object.keys(value).length === 0 && key !== "services")
      continue;
    made[key] = value;
  }
  const entries = <T>(section: Record<string, T>, change: (value: T) => unknown) =>
    Object.fromEntries(Object.entries(section).map(([name, value]) => [name, change(value)]));
  made.services = entries(project.services, ({ command, entrypoint, ...rest }) => ({
    ...rest,
    ...(command !== null && { command }),
    ...(entrypoint !== null && { entrypoint }),
  }));
  if (made.networks !== undefined) {
    made.networks = entries(project.networks, ({ ipam, ...rest }) =>
      Object.keys(ipam ?? {}).length === 0 ? rest : { ...rest, ipam },
    );
  }
  return made;
}
