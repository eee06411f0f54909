import { invalidParameter, systemError } from "@berth/base";
import type { OciSpec } from "../runtime.ts";
import { capabilitySets, containerCapabilities } from "./capabilities.ts";
import { containerDevices } from "./devices.ts";
import type { SpecInput } from "./input.ts";
import { containerMounts, INIT_IN_CONTAINER } from "./mounts.ts";
import { containerNamespaces, ipcMode, isPrivate } from "./namespaces.ts";
import { protectedPaths } from "./paths.ts";
import { containerResources, containerRlimits } from "./resources.ts";
import { seccompFor } from "./seccomp/cache.ts";
import { parseSecurityOptions, type SecurityOptions } from "./security-options.ts";

const OCI_VERSION = "1.0.2";
const DEFAULT_CGROUP_PARENT = "/berth";

/** So that any user in a container's own network may listen on low ports and ping, as in Docker since 20.10. */
const NETWORK_SYSCTLS: Readonly<Record<string, string>> = {
  "net.ipv4.ip_unprivileged_port_start": "0",
  "net.ipv4.ping_group_range": "0 2147483647",
};

/**
 * The OCI runtime spec of a container, complete but for what only its shim knows (`Launch.spec`). Same input, same spec.
 * `warnings` are sentences for the user about what this host cannot do and what therefore has no effect.
 * @throws BerthError with Docker's sentence for what is wrong; SyscallError for a device that is not there
 */
export function buildSpec(input: SpecInput): { spec: OciSpec; warnings: string[] } {
  const { config, hostConfig, host } = input;
  if (input.args.length === 0) throw invalidParameter("no command specified");
  const warnings: string[] = [];
  const security = parseSecurityOptions(hostConfig.SecurityOpt ?? []);
  const capabilities = containerCapabilities(
    hostConfig.CapAdd ?? [],
    hostConfig.CapDrop ?? [],
    hostConfig.Privileged,
    host.capabilities,
  );
  const init = initProgram(input);
  const { mounts, propagation } = containerMounts(input, {
    ipc: ipcMode(hostConfig.IpcMode),
    init,
    writableCgroups: security.writableCgroups,
  });
  const { devices, rules } = containerDevices(hostConfig, host);
  const paths = protectedPaths(hostConfig, security.unconfinedPaths);
  const rlimits = containerRlimits(hostConfig.Ulimits, input.defaultUlimits ?? []);
  const seccomp = seccompProfile(security, hostConfig.Privileged, capabilities, input);
  const apparmor = apparmorProfile(security, input, warnings);
  warnAboutLabels(security, input, warnings);
  const sysctl = containerSysctls(input);
  const [height, width] = hostConfig.ConsoleSize ?? [0, 0];
  const noNewPrivileges = security.noNewPrivileges ?? input.noNewPrivilegesByDefault ?? false;

  const spec: OciSpec = {
    ociVersion: OCI_VERSION,
    process: {
      ...(config.Tty ? { terminal: true } : {}),
      ...(config.Tty && height > 0 && width > 0 ? { consoleSize: { height, width } } : {}),
      args: init === undefined ? [...input.args] : [INIT_IN_CONTAINER, "--", ...input.args],
      env: [...input.env],
      cwd: config.WorkingDir || "/",
      capabilities: capabilitySets(capabilities),
      ...(rlimits.length === 0 ? {} : { rlimits }),
      ...(noNewPrivileges ? { noNewPrivileges } : {}),
      ...(apparmor === undefined ? {} : { apparmorProfile: apparmor }),
      oomScoreAdj: hostConfig.OomScoreAdj,
    },
    root: { path: "rootfs", ...(hostConfig.ReadonlyRootfs ? { readonly: true } : {}) },
    ...(hostConfig.UTSMode === "host" || config.Hostname === "" ? {} : { hostname: config.Hostname }),
    mounts,
    ...(hasEntries(hostConfig.Annotations) ? { annotations: { ...hostConfig.Annotations } } : {}),
    linux: {
      namespaces: containerNamespaces(input),
      cgroupsPath: cgroupsPath(input),
      resources: containerResources(hostConfig, rules, host),
      ...(devices.length === 0 ? {} : { devices }),
      ...(seccomp === undefined ? {} : { seccomp }),
      ...(paths.masked.length === 0 ? {} : { maskedPaths: [...paths.masked] }),
      ...(paths.readonly.length === 0 ? {} : { readonlyPaths: [...paths.readonly] }),
      ...(hasEntries(sysctl) ? { sysctl } : {}),
      ...(propagation === undefined ? {} : { rootfsPropagation: propagation }),
    },
  };
  return { spec, warnings };
}

function hasEntries(map: object | undefined): boolean {
  return map !== undefined && Object.keys(map).length > 0;
}

/** The program of `--init` on the host; only where the container's first process is alone in its PID namespace. */
function initProgram({ hostConfig, initByDefault, initPath }: SpecInput): string | undefined {
  if (!(hostConfig.Init ?? initByDefault ?? false) || !isPrivate(hostConfig.PidMode)) return undefined;
  if (initPath === undefined || initPath === "") {
    throw systemError("no init program for --init was found on this host", {
      hint: "install tini or catatonit, or start the daemon with --init-path",
    });
  }
  return initPath;
}

function cgroupsPath({ id, hostConfig, cgroupParent }: SpecInput): string {
  const parent = hostConfig.CgroupParent || cgroupParent || DEFAULT_CGROUP_PARENT;
  if (parent.split("/").includes(".."))
    throw invalidParameter(`invalid cgroup parent: ${JSON.stringify(parent)}`);
  return `/${parent}/${id}`.replace(/\/{2,}/g, "/");
}

function containerSysctls({ config, hostConfig, host }: SpecInput): Record<string, string> {
  const sysctl: Record<string, string> = {};
  if (config.Domainname !== "" && hostConfig.UTSMode !== "host")
    sysctl["kernel.domainname"] = config.Domainname;
  if (isPrivate(hostConfig.NetworkMode)) {
    for (const [name, value] of Object.entries(NETWORK_SYSCTLS))
      if (host.hasSysctl(name)) sysctl[name] = value;
  }
  return { ...sysctl, ...hostConfig.Sysctls };
}

function seccompProfile(
  security: SecurityOptions,
  privileged: boolean,
  capabilities: readonly string[],
  { host }: SpecInput,
): object | undefined {
  const { seccomp } = security;
  if (seccomp === "unconfined") return undefined;
  const text = seccomp === "" || seccomp === "builtin" ? undefined : seccomp;
  // A privileged container has a profile only when it asks for one.
  if (privileged && seccomp === "") return undefined;
  return seccompFor(text, capabilities, host.architecture, host.kernel);
}

function apparmorProfile(
  security: SecurityOptions,
  { host }: SpecInput,
  warnings: string[],
): string | undefined {
  if (security.apparmor === "" || security.apparmor === "unconfined") return undefined;
  if (host.apparmor) return security.apparmor;
  warnings.push(
    `AppArmor is not enabled on this host: --security-opt apparmor=${security.apparmor} has no effect.`,
  );
  return undefined;
}

/** SELinux labels are not set yet: a label that would confine must not be passed over in silence. */
function warnAboutLabels(security: SecurityOptions, { host }: SpecInput, warnings: string[]): void {
  const asked = security.labels.filter((label) => label !== "disable");
  if (asked.length === 0) return;
  if (host.selinux) {
    throw invalidParameter(`SELinux labels are not supported: --security-opt label=${asked[0]}`, {
      hint: "run without the option, or with --security-opt label=disable",
    });
  }
  warnings.push(`SELinux is not enabled on this host: --security-opt label=${asked[0]} has no effect.`);
}
