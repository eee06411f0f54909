import { resolve } from "node:path";
import { type LoadedProject, type NamedService, serviceOf } from "@berth/compose";
import { parsePorts } from "../container-options/ports.ts";
import { CommandError } from "../errors.ts";

export interface RunOverrides {
  command: readonly string[];
  entrypoint: string | undefined;
  environment: readonly string[];
  labels: readonly string[];
  user: string;
  workdir: string;
  volumes: readonly string[];
  publish: readonly string[];
  servicePorts: boolean;
  capAdd: readonly string[];
  capDrop: readonly string[];
  tty: boolean;
  stdin: boolean;
  remove: boolean;
}

/** The service as `compose run` runs it. @throws CommandError */
export function overriddenService(
  loaded: LoadedProject,
  name: string,
  overrides: RunOverrides,
): NamedService {
  const service = serviceOf(loaded, name);
  if (service === undefined) throw new CommandError(`no such service: ${name}`);
  const environment = { ...service.environment };
  for (const entry of overrides.environment) {
    const at = entry.indexOf("=");
    if (at >= 0) environment[entry.slice(0, at)] = entry.slice(at + 1);
    else environment[entry] = loaded.environment[entry] ?? null;
  }
  const labels = { ...service.labels };
  for (const entry of overrides.labels) {
    const at = entry.indexOf("=");
    labels[at < 0 ? entry : entry.slice(0, at)] = at < 0 ? "" : entry.slice(at + 1);
  }
  const { container_name: _name, restart: _restart, deploy, ports, ...rest } = service;
  const { restart_policy: _policy, ...kept } = deploy ?? {};
  return {
    ...rest,
    ...(deploy !== undefined && { deploy: kept }),
    environment,
    labels,
    scale: 1,
    ports: [...(overrides.servicePorts ? (ports ?? []) : []), ...publishedPorts(overrides.publish)],
    volumes: [...(service.volumes ?? []), ...overrides.volumes.map((text) => mountOf(loaded, text))],
    cap_add: [...(service.cap_add ?? []), ...overrides.capAdd],
    cap_drop: [...(service.cap_drop ?? []), ...overrides.capDrop],
    tty: overrides.tty,
    stdin_open: overrides.stdin,
    ...(overrides.user !== "" && { user: overrides.user }),
    ...(overrides.workdir !== "" && { working_dir: overrides.workdir }),
    ...(overrides.command.length > 0 && { command: [...overrides.command] }),
    ...(overrides.entrypoint !== undefined && {
      entrypoint: splitWords(overrides.entrypoint),
      // The image's command belongs to the image's entrypoint.
      command: [...overrides.command],
    }),
  };
}

function publishedPorts(publish: readonly string[]): NonNullable<NamedService["ports"]> {
  if (publish.length === 0) return [];
  const { bindings } = parsePorts(publish, []);
  return Object.entries(bindings).flatMap(([key, list]) => {
    const [target = "", protocol = "tcp"] = key.split("/");
    return list.map(({ HostIp: ip, HostPort: port }) => ({
      target: Number(target),
      protocol,
      ...(ip !== "" && { host_ip: ip }),
      ...(port !== "" && port !== "0" && { published: port }),
    }));
  });
}

/** `-v name:/path[:ro]`, `-v ./here:/path`, `-v /path`. */
function mountOf(loaded: LoadedProject, text: string): NonNullable<NamedService["volumes"]>[number] {
  const [first = "", second, mode = ""] = text.split(":");
  if (second === undefined) return { type: "volume", target: first };
  const readOnly = mode.split(",").includes("ro");
  if (/^[./~]/.test(first)) {
    const source = first.startsWith("~")
      ? (loaded.environment.HOME ?? "") + first.slice(1)
      : resolve(process.cwd(), first);
    return { type: "bind", source, target: second, read_only: readOnly, bind: { create_host_path: true } };
  }
  if (!(first in loaded.project.volumes)) {
    loaded.project.volumes[first] = { name: first, external: false };
  }
  return { type: "volume", source: first, target: second, read_only: readOnly };
}

/** Words of a shell's line: quotes and backslashes count. @throws CommandError */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let at = 0; at < text.length; at++) {
    const letter = text[at]!;
    if (quote !== "") {
      if (letter === quote) quote = "";
      else if (letter === "\\" && quote === '"' && at + 1 < text.length) word = (word ?? "") + text[++at]!;
      else word = (word ?? "") + letter;
    } else if (letter === "'" || letter === '"') {
      quote = letter;
      word ??= "";
    } else if (letter === "\\" && at + 1 < text.length) word = (word ?? "") + text[++at]!;
    else if (/\s/.test(letter)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? "") + letter;
  }
  if (quote !== "") throw new CommandError("invalid command line string");
  if (word !== undefined) words.push(word);
  return words;
}
