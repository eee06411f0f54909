import type { ContainerConfig, HostConfig, MountPropagation, Ulimit } from "@berth/api";
import type { Device } from "./devices.ts";

/** All that a spec is made of. Sources, names and files are resolved by the engine; the host is described, not looked at. */
export interface SpecInput {
  /** 64 digits. */
  id: string;
  config: Pick<ContainerConfig, "Hostname" | "Domainname" | "WorkingDir" | "Tty">;
  hostConfig: HostConfig;
  /** Entrypoint and command, at least one word. */
  args: readonly string[];
  /** Complete: PATH, HOSTNAME and TERM included. HOME is left to the OCI runtime. */
  env: readonly string[];
  /** Binds, volumes and tmpfs, in the order of their making. */
  mounts: readonly SpecMount[];
  /** Host paths of the generated files; absent: what the image has. */
  files: { hosts?: string; hostname?: string; resolvConf?: string };
  /**
   * For modes `container:<id>`: paths of the other container's namespaces, such as `/proc/<pid>/ns/ipc`, and with an IPC
   * namespace the path of its /dev/shm.
   */
  joins?: { network?: string; pid?: string; ipc?: string; shm?: string };
  /** Above the container's control group; `/berth` when HostConfig has none either. */
  cgroupParent?: string;
  /** Of the daemon; those of the container win. */
  defaultUlimits?: readonly Ulimit[];
  /** Bytes of /dev/shm when the container does not say. */
  defaultShmSize?: number;
  /** The init program on the host, for `--init`. */
  initPath?: string;
  /** `--init` of the daemon: for containers that do not say. */
  initByDefault?: boolean;
  /** `--no-new-privileges` of the daemon: for containers that do not say. */
  noNewPrivilegesByDefault?: boolean;
  host: SpecHost;
}

export interface SpecMount {
  type: "bind" | "volume" | "tmpfs" | "image";
  /** Absolute and normalised. */
  destination: string;
  /** Path on the host; with `filesystem`, what that file system mounts; not used by tmpfs. */
  source: string;
  /**
   * Only this path is mounted: below `folder`, where it was found as `source` a moment ago, or below the root of what `filesystem`
   * mounts. The shim looks it up again, and never outside of that.
   */
  beneath?: { folder?: string; path: string };
  readOnly: boolean;
  propagation?: MountPropagation;
  /** A bind without the mounts below its source. */
  nonRecursive?: boolean;
  /** Mounts below a read-only bind stay writable. */
  readOnlyNonRecursive?: boolean;
  /** Refuse to start where the kernel cannot make the mounts below read-only. */
  readOnlyForceRecursive?: boolean;
  /** Type of a volume that is mounted by options, such as `nfs`. */
  filesystem?: string;
  /** Of tmpfs and `filesystem`, in words of mount(8). */
  options?: readonly string[];
}

/** What a spec depends on of the host. `readSpecHost` reads it; tests make it up. */
export interface SpecHost {
  /** `amd64`, `arm64`: Go's names. */
  architecture: string;
  /** `6.18.44-…`. */
  kernel: string;
  cgroupVersion: 1 | 2;
  /** The bounding set of this process, such as `CAP_CHOWN`. */
  capabilities: readonly string[];
  apparmor: boolean;
  selinux: boolean;
  /** Sysctls that exist, asked by name (`net.ipv4.ping_group_range`). */
  hasSysctl(name: string): boolean;
  /** The device, or the devices below the folder, at a path of the host. @throws SyscallError, BerthError when it is no device */
  devicesAt(path: string): Device[];
  /** All devices of the host, for privileged containers. */
  allDevices(): Device[];
  /** Text of /proc/self/mountinfo, for shared and slave binds. */
  mountInfo(): string;
}
