import { invalidParameter } from "@berth/base";
import type { Project, Service } from "../model.ts";

const invalid = (message: string) => invalidParameter(`${message}: invalid compose project`);
const quoted = (text: string) => JSON.stringify(text);

/** Checks single sections; these do not depend on others. @throws BerthError */
export function checkSections(project: Project): void {
  for (const [name, volume] of Object.entries(project.volumes)) {
    if (!volume.external) continue;
    for (const key of Object.keys(volume)) {
      if (key !== "name" && key !== "external" && !key.startsWith("x-")) {
        throw invalidParameter(
          `volumes.${name}: conflicting parameters "external" and ${quoted(key)} specified`,
        );
      }
    }
  }
  for (const [section, kinds] of [
    ["secrets", ["file", "environment"]],
    ["configs", ["file", "environment", "content"]],
  ] as const) {
    for (const [name, object] of Object.entries(project[section])) {
      if (object.external || object.driver) continue;
      const given = kinds.filter((kind) => object[kind] !== undefined);
      if (given.length > 1) {
        throw invalidParameter(`${section}.${name}: ${kinds.join("|")} attributes are mutually exclusive`);
      }
      if (given.length === 0)
        throw invalidParameter(`${section}.${name}: one of ${kinds.join("|")} must be set`);
    }
  }
}

/** @throws BerthError with Compose's sentence: references to nothing, contradictions, cycles. */
export function checkConsistency(project: Project): void {
  const known = project.services;
  for (const [name, service] of Object.entries(known).sort(([a], [b]) => (a < b ? -1 : 1))) {
    checkService(name, service, project, known);
  }
  checkCycles(known);
}

function checkService(
  name: string,
  service: Service,
  project: Project,
  known: Record<string, Service>,
): void {
  if (service.build === undefined && !service.image && service.provider === undefined) {
    throw invalid(`service ${quoted(name)} has neither an image nor a build context specified`);
  }
  if (service.build?.dockerfile_inline && service.build.dockerfile) {
    throw invalid(`service ${quoted(name)} declares mutualy exclusive dockerfile and dockerfile_inline`);
  }
  if (
    service.build?.platforms?.length &&
    service.platform &&
    !service.build.platforms.includes(service.platform)
  ) {
    throw invalid(
      `service.build.platforms MUST include service.platform ${quoted(service.platform)} `.trimEnd(),
    );
  }
  if (service.network_mode && Object.keys(service.networks ?? {}).length > 0) {
    throw invalid(`service ${name} declares mutually exclusive \`network_mode\` and \`networks\``);
  }
  for (const network of Object.keys(service.networks ?? {})) {
    if (network !== "default" && project.networks[network] === undefined) {
      throw invalid(`service ${quoted(name)} refers to undefined network ${network}`);
    }
  }
  const { healthcheck } = service;
  if (healthcheck?.test?.length) {
    const [first] = healthcheck.test;
    if (first !== "CMD" && first !== "CMD-SHELL" && first !== "NONE") {
      throw invalidParameter(`healthcheck.test must start either by "CMD", "CMD-SHELL" or "NONE"`);
    }
  }
  for (const [other, { required }] of Object.entries(service.depends_on ?? {})) {
    if (known[other] === undefined && required) {
      throw invalid(`service ${quoted(name)} depends on undefined service ${quoted(other)}`);
    }
  }
  for (const [index, mount] of (service.volumes ?? []).entries()) {
    if (mount.type === "volume" && mount.source && project.volumes[mount.source] === undefined) {
      throw invalid(`service ${quoted(name)} refers to undefined volume ${mount.source}`);
    }
    if (mount.target === undefined) {
      throw invalidParameter(`service volume services.${name}.volumes.[${index}] is missing a mount target`);
    }
  }
  for (const [index, port] of (service.ports ?? []).entries()) {
    if (port.target === undefined) {
      throw invalidParameter(`service ports services.${name}.ports.[${index}] is missing a target port`);
    }
  }
  for (const { source } of service.build?.secrets ?? []) {
    if (project.secrets[source] === undefined) {
      throw invalid(`service ${quoted(name)} refers to undefined build secret ${source}`);
    }
  }
  for (const { source } of service.configs ?? []) {
    if (project.configs[source] === undefined) {
      throw invalid(`service ${quoted(name)} refers to undefined config ${source}`);
    }
  }
  for (const { source } of service.secrets ?? []) {
    if (project.secrets[source] === undefined) {
      throw invalid(`service ${quoted(name)} refers to undefined secret ${source}`);
    }
  }
  for (const model of Object.keys(service.models ?? {})) {
    if (project.models[model] === undefined) {
      throw invalid(`service ${quoted(name)} refers to undefined model ${model}`);
    }
  }
  if (service.gpus !== undefined && service.deploy?.resources?.reservations?.devices !== undefined) {
    throw invalid(`service ${quoted(name)} declares both "gpus" and "deploy.resources.reservations.devices"`);
  }
  checkTwice(name, service);
}

/** Attributes that stand in two places must say the same. */
function checkTwice(name: string, service: Service): void {
  const { limits, reservations } = service.deploy?.resources ?? {};
  const pairs: readonly [string, unknown, string, unknown][] = [
    ["scale", service.scale, "deploy.replicas", service.deploy?.replicas],
    ["cpus", service.cpus, "deploy.resources.limits.cpus", limits?.cpus],
    ["mem_limit", service.mem_limit, "deploy.resources.limits.memory", limits?.memory],
    [
      "mem_reservation",
      service.mem_reservation,
      "deploy.resources.reservations.memory",
      reservations?.memory,
    ],
    ["pids_limit", service.pids_limit, "deploy.resources.limits.pids", limits?.pids],
  ];
  for (const [one, value, other, second] of pairs) {
    if (value !== undefined && second !== undefined && value !== second && second !== 0) {
      throw invalid(`services.${name}: can't set distinct values on '${one}' and '${other}'`);
    }
  }
  if (service.container_name) {
    for (const [where, count] of [
      ["deploy.replicas", service.deploy?.replicas],
      ["scale", service.scale],
    ] as const) {
      if ((count ?? 1) > 1) {
        throw invalid(
          `services.${where}: can't set container_name and ${name} as container name must be unique`,
        );
      }
    }
  }
}

function checkCycles(services: Readonly<Record<string, Service>>): void {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (name: string): void => {
    if (done.has(name)) return;
    const at = path.indexOf(name);
    if (at >= 0)
      throw invalidParameter(`dependency cycle detected: ${[...path.slice(at), name].join(" -> ")}`);
    path.push(name);
    for (const other of Object.keys(services[name]?.depends_on ?? {}).sort()) visit(other);
    path.pop();
    done.add(name);
  };
  for (const name of Object.keys(services).sort()) visit(name);
}
