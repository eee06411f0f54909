import type { ContainerCreateRequest, HostConfig, MountPoint } from "@berth/api";
import { type Body, versionLessThan } from "@berth/client";
import type { Service } from "../model.ts";
import type { NamedService, Target } from "../target.ts";
import { filesOf } from "./files.ts";
import { mountsOf } from "./mounts.ts";
import { type Networking, namespaceMode, networkingOf, type References } from "./networking.ts";
import { portsOf } from "./ports.ts";
import { compact, resourcesOf } from "./resources.ts";
import { refuseOlderDaemon } from "./unsupported.ts";

export interface BodyOptions {
  /** The name that the container has in the end. */
  name: string;
  labels: Readonly<Record<string, string>>;
  references: References;
  /** Mounts of the container in whose place this one is made. */
  inherited?: readonly MountPoint[];
  /** One-off containers: reachable under the service's name only when asked. */
  useAliases?: boolean;
  /** One-off containers: attach stdin too. */
  attachStdin?: boolean;
  autoRemove?: boolean;
  securityOptions?: SecurityOptions;
}

export interface ContainerPlan {
  request(version: string): Body<ContainerCreateRequest>;
  /** Networks that a daemon below API 1.44 must be told with a call each. */
  connectLater(version: string): Networking["endpoints"];
}

/** What `security_opt` comes to once profiles have been read. */
export interface SecurityOptions {
  options: string[];
  unconfinedPaths: boolean;
}

/** A service as the body of POST /containers/create. @throws invalid-parameter */
export function containerPlan(target: Target, service: NamedService, options: BodyOptions): ContainerPlan {
  const networking = networkingOf(target.project, service, options.name, {
    references: options.references,
    useAliases: options.useAliases ?? true,
  });
  const [first] = Object.keys(networking.endpoints);
  const withMac = (version: string) => {
    const { mac_address: mac } = service;
    return mac !== undefined && mac !== "" && !versionLessThan(version, "1.44") ? { MacAddress: mac } : {};
  };
  const ports = portsOf(service);
  const hostConfig = hostConfigOf(target, service, networking, options);
  hostConfig.PortBindings = ports.bindings;
  const body = (version: string): Body<ContainerCreateRequest> => {
    refuseOlderDaemon(service, version);
    return {
      ...configOf(service, options),
      ...(service.mac_address && versionLessThan(version, "1.44") && { MacAddress: service.mac_address }),
      ExposedPorts: ports.exposed,
      HostConfig: hostConfig,
      NetworkingConfig: {
        EndpointsConfig: Object.fromEntries(
          Object.entries(networking.endpoints)
            .filter(([name]) => name === first || !versionLessThan(version, "1.44"))
            .map(([name, endpoint]) => [
              name,
              name === first ? { ...endpoint, ...withMac(version) } : endpoint,
            ]),
        ),
      },
    };
  };
  return {
    request: body,
    connectLater: (version) =>
      versionLessThan(version, "1.44")
        ? Object.fromEntries(Object.entries(networking.endpoints).filter(([name]) => name !== first))
        : {},
  };
}

function configOf(service: Service, options: BodyOptions): Body<ContainerCreateRequest> {
  const attachStdin = options.attachStdin ?? false;
  const grace = wholeSeconds(service.stop_grace_period);
  return compact<Body<ContainerCreateRequest>>({
    Hostname: service.hostname,
    Domainname: service.domainname,
    User: service.user,
    AttachStdin: attachStdin,
    AttachStdout: true,
    AttachStderr: true,
    Tty: service.tty ?? false,
    OpenStdin: service.stdin_open ?? false,
    StdinOnce: attachStdin && (service.stdin_open ?? false),
    Env: environmentOf(service.environment),
    Healthcheck: healthcheckOf(service),
    Image: service.image,
    WorkingDir: service.working_dir,
    Labels: { ...service.labels, ...options.labels },
    StopSignal: service.stop_signal,
    StopTimeout: grace,
    // An empty list says something here: none.
    ...(service.command != null && { Cmd: service.command }),
    ...(service.entrypoint != null && {
      Entrypoint: service.entrypoint.length === 0 ? [""] : service.entrypoint,
    }),
  });
}

/** Nanoseconds → seconds, for stop timeouts. */
export function wholeSeconds(duration: number | undefined): number | undefined {
  return duration === undefined ? undefined : Math.floor(duration / 1e9);
}

/** `NAME` alone: removed, as the daemon understands it. */
export function environmentOf(environment: Service["environment"]): string[] {
  return Object.entries(environment ?? {})
    .map(([name, value]) => (value === null ? name : `${name}=${value}`))
    .sort();
}

function healthcheckOf({ healthcheck }: Service): Body<ContainerCreateRequest>["Healthcheck"] {
  if (healthcheck === undefined) return undefined;
  if (healthcheck.disable) return { Test: ["NONE"] };
  return compact({
    Test: healthcheck.test,
    Interval: healthcheck.interval,
    Timeout: healthcheck.timeout,
    StartPeriod: healthcheck.start_period,
    StartInterval: healthcheck.start_interval,
    Retries: healthcheck.retries,
  });
}

function hostConfigOf(
  target: Target,
  service: NamedService,
  networking: Networking,
  options: BodyOptions,
): Body<HostConfig> {
  const { references } = options;
  const { binds, mounts, tmpfs } = mountsOf(target.project, service, options.inherited);
  const security = options.securityOptions ?? { options: service.security_opt ?? [], unconfinedPaths: false };
  const made = compact<Body<HostConfig>>({
    ...resourcesOf(service),
    AutoRemove: options.autoRemove ?? false,
    Annotations: service.annotations,
    Binds: binds,
    Mounts: [...mounts, ...filesOf(target, service).mounts],
    Tmpfs: tmpfs,
    CapAdd: service.cap_add,
    CapDrop: service.cap_drop,
    CgroupnsMode: service.cgroup,
    Dns: service.dns,
    DnsOptions: service.dns_opt,
    DnsSearch: service.dns_search,
    ExtraHosts: Object.entries(service.extra_hosts ?? {}).flatMap(([host, addresses]) =>
      addresses.map((address) => `${host}:${address}`),
    ),
    GroupAdd: service.group_add,
    Init: service.init,
    IpcMode: service.ipc === undefined ? undefined : namespaceMode(service.ipc, references),
    Isolation: service.isolation,
    Links: networking.links,
    LogConfig: { Type: service.logging?.driver ?? "", Config: service.logging?.options ?? {} },
    NetworkMode: networking.mode,
    OomScoreAdj: service.oom_score_adj,
    PidMode: service.pid === undefined ? undefined : namespaceMode(service.pid, references),
    Privileged: service.privileged,
    ReadonlyRootfs: service.read_only,
    RestartPolicy: restartPolicyOf(service),
    Runtime: service.runtime,
    SecurityOpt: security.options,
    ShmSize: service.shm_size,
    StorageOpt: service.storage_opt,
    Sysctls: service.sysctls,
    UTSMode: service.uts,
    UsernsMode: service.userns_mode,
    VolumesFrom: volumesFromOf(service, references),
  });
  // Empty lists say something here: none.
  return security.unconfinedPaths ? { ...made, MaskedPaths: [], ReadonlyPaths: [] } : made;
}

/** `db:ro` of a service, `container:x:ro` of any container. */
function volumesFromOf(service: Service, references: References): string[] {
  return (service.volumes_from ?? []).flatMap((entry) => {
    if (entry.startsWith("container:")) return [entry.slice("container:".length)];
    const [name = "", mode] = entry.split(":");
    const suffix = mode === undefined ? "" : `:${mode}`;
    const container = references.containersOf(name)[0];
    return container === undefined ? [] : [`${container.id}${suffix}`];
  });
}

function restartPolicyOf(service: Service): Body<HostConfig["RestartPolicy"]> {
  if (service.restart) {
    const [name = "", count] = service.restart.split(":");
    return { Name: name, MaximumRetryCount: Number(count ?? 0) };
  }
  const policy = service.deploy?.restart_policy;
  if (policy === undefined) return { Name: "", MaximumRetryCount: 0 };
  const name = { none: "no", "on-failure": "on-failure" }[policy.condition ?? "any"] ?? "always";
  return { Name: name, MaximumRetryCount: name === "on-failure" ? (policy.max_attempts ?? 0) : 0 };
}
