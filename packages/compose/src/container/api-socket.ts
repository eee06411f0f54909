import type { Mount, Service } from "../model.ts";
import type { Target } from "../target.ts";

const DAEMON_SOCKET = "/var/run/docker.sock";
/** No name in a file can begin with `#`. */
const CREDENTIALS = "#apisocket";
const FOLDER = "/run/secrets/docker";
export const CREDENTIALS_PATH = `${FOLDER}/config.json`;

export interface ApiAccess {
  /** The daemon's socket on its host; undefined: where Docker has it. */
  socket: string | undefined;
  /** Text of a `config.json` with all credentials. */
  configuration: () => Promise<string>;
}

/**
 * `use_api_socket: true` spelled out: the daemon's socket is mounted where clients look for it, and `DOCKER_CONFIG` names a
 * folder with our credentials. A service that sets that variable itself keeps its own.
 */
export async function withApiSocket(target: Target, access: ApiAccess): Promise<Target> {
  const { project } = target;
  const users = Object.entries(project.services).filter(([, service]) => service.use_api_socket);
  if (users.length === 0) return target;
  const services = { ...project.services };
  for (const [name, service] of users) services[name] = given(service, access.socket ?? DAEMON_SOCKET);
  const content = await access.configuration();
  const configs = { ...project.configs, [CREDENTIALS]: { name: CREDENTIALS, content } };
  return { ...target, project: { ...project, services, configs } };
}

function given(service: Service, socket: string): Service {
  const mount: Mount = { type: "bind", source: socket, target: DAEMON_SOCKET };
  const volumes = (service.volumes ?? []).filter((each) => each.target !== DAEMON_SOCKET);
  const made: Service = { ...service, volumes: [...volumes, mount] };
  if (service.environment?.DOCKER_CONFIG !== undefined) return made;
  made.environment = { ...service.environment, DOCKER_CONFIG: FOLDER };
  made.configs = [...(service.configs ?? []), { source: CREDENTIALS, target: CREDENTIALS_PATH }];
  return made;
}
