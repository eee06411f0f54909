import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { invalidParameter, messageOf, notFound } from "@berth/base";
import { parseDotenv, parseRawEnvironment } from "../environment/dotenv.ts";
import type { FileObject, Project, Service } from "../model.ts";
import { readBounded } from "./read.ts";

/** Fills in what is meant when nothing is said: before consistency is checked. The project is changed. */
export function applyDefaults(project: Project): void {
  for (const service of Object.values(project.services)) {
    for (const port of service.ports ?? []) {
      port.mode ??= "ingress";
      port.protocol ??= "tcp";
    }
    for (const dependency of Object.values(service.depends_on ?? {})) dependency.required ??= true;
    for (const file of service.env_file ?? []) file.required ??= true;
    for (const secret of service.secrets ?? []) secret.target ??= `/run/secrets/${secret.source}`;
    service.command ??= null;
    service.entrypoint ??= null;
  }
}

/** What Compose infers: default network, names, dependencies. The project is changed. */
export function normalize(project: Project): void {
  for (const service of Object.values(project.services)) normalizeService(service);
  const { networks } = project;
  if (Object.values(project.services).some((service) => service.networks && "default" in service.networks)) {
    networks.default ??= { name: "", ipam: {} };
  }
  for (const section of [networks, project.volumes, project.secrets, project.configs]) {
    for (const [key, object] of Object.entries(section)) {
      if (!object.name) object.name = object.external ? key : `${project.name}_${key}`;
    }
  }
}

function normalizeService(service: Service): void {
  if (service.networks === undefined || Object.keys(service.networks).length === 0) {
    if (!service.network_mode && service.provider === undefined) service.networks = { default: null };
  }
  if (service.pull_policy === "if_not_present") service.pull_policy = "missing";
  const { build } = service;
  if (build !== undefined) {
    build.context ??= ".";
    if (!build.dockerfile && !build.dockerfile_inline) build.dockerfile = "Dockerfile";
  }
  const needs = (name: string, restart: boolean) => {
    service.depends_on ??= {};
    service.depends_on[name] ??= {
      condition: "service_started",
      ...(restart && { restart: true }),
      required: true,
    };
  };
  for (const link of service.links ?? []) needs(link.split(":")[0]!, true);
  for (const mode of [service.network_mode, service.ipc, service.pid, service.uts, service.cgroup]) {
    if (mode?.startsWith("service:")) needs(mode.slice("service:".length), true);
  }
  for (const from of service.volumes_from ?? []) {
    if (!from.startsWith("container:")) needs(from.split(":")[0]!, false);
  }
}

/** Gives variables without value that of the environment. */
export function giveValues(service: Service, environment: Readonly<Record<string, string>>): void {
  const own = service.environment ?? {};
  for (const [name, value] of Object.entries(own)) {
    if (value === null && Object.hasOwn(environment, name)) own[name] = environment[name]!;
  }
  if (service.build?.args !== undefined) {
    const { args } = service.build;
    for (const [name, value] of Object.entries(args)) {
      if (value !== null) continue;
      if (Object.hasOwn(environment, name)) args[name] = environment[name]!;
      else delete args[name];
    }
  }
}

/**
 * Adds what `env_file` and `label_file` hold, and gives variables without value that of the environment.
 * @throws BerthError when a file is required and absent
 */
export function resolveEnvironment(
  service: Service,
  environment: Readonly<Record<string, string>>,
  workingDirectory: string,
): void {
  giveValues(service, environment);
  const own = service.environment ?? {};
  const made: Record<string, string | null> = {};
  for (const { path: given, required, format } of service.env_file ?? []) {
    const path = resolve(workingDirectory, given);
    if (!existsSync(path)) {
      if (required === false) continue;
      throw notFound(`env file ${path} not found: stat ${path}: no such file or directory`, { exitCode: 14 });
    }
    if (format !== undefined && format !== "" && format !== "raw") {
      throw invalidParameter(`unsupported env_file format ${JSON.stringify(format)}`);
    }
    const text = readEnvironmentFile(path);
    const values =
      format === "raw"
        ? parseRawEnvironment(text)
        : namedIn(path, () =>
            parseDotenv(text, (name) =>
              Object.hasOwn(environment, name) ? environment[name] : (made[name] ?? undefined),
            ),
          );
    Object.assign(made, values);
  }
  if (service.env_file !== undefined || service.environment !== undefined) {
    Object.assign(made, own);
    if (Object.keys(made).length > 0) service.environment = made;
    delete service.env_file;
  }
  if (service.label_file !== undefined) {
    const labels: Record<string, string> = {};
    for (const given of service.label_file) {
      const path = resolve(workingDirectory, given);
      if (!existsSync(path)) throw invalidParameter(`label file ${path} not found`);
      Object.assign(
        labels,
        namedIn(path, () => parseDotenv(readEnvironmentFile(path), () => undefined)),
      );
    }
    service.labels = { ...labels, ...service.labels };
    delete service.label_file;
  }
}

function namedIn<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw invalidParameter(`failed to read ${path}: ${messageOf(error)}`);
  }
}

function readEnvironmentFile(path: string): string {
  if (statSync(path).isDirectory()) throw invalidParameter(`read ${path}: is a directory`);
  return readBounded(path);
}

/** The content of secrets and configs that live in variables. */
export function resolveContents(
  objects: Readonly<Record<string, FileObject>>,
  environment: Readonly<Record<string, string>>,
): void {
  for (const object of Object.values(objects)) {
    const { environment: name } = object;
    if (name && Object.hasOwn(environment, name)) object.content = environment[name]!;
  }
}
