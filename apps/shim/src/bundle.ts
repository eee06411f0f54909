import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mount as bindMount, isErrno, MNT, MS, umount2 } from "@berth/linux";
import { type BundleFile, type LaunchFile, ociJson, resolveUser, SHIM_FILES } from "@berth/runtime";
import { pinned, unpin } from "./pinned-mounts.ts";
import { mountRootfs, Root } from "./rootfs.ts";
import { shareMemory } from "./shared-memory.ts";

/** `bundle.json` of a shim's folder. */
export function readBundle(directory: string): BundleFile {
  return JSON.parse(readFileSync(join(directory, SHIM_FILES.bundle), "utf8")) as BundleFile;
}

/**
 * Makes the OCI bundle in a shim's folder but for its network: root filesystem mounted (in this process' mount namespace), `USER`
 * resolved in it, mounts. `bundle` is changed to what they are. `hostMounts`: descriptor of the host's mount namespace.
 * @throws what failed; mounts may be left
 */
export function beginBundle(
  directory: string,
  launch: LaunchFile,
  bundle: BundleFile,
  hostMounts: number,
): void {
  const { spec } = bundle;
  const rootfs = join(directory, SHIM_FILES.rootfs);
  mountRootfs(bundle.rootfs, rootfs, launch.once ?? false);
  using root = new Root(rootfs);
  const { uid, gid, additionalGids } = resolveUser(
    bundle.user,
    launch.groupAdd,
    root.readText("/etc/passwd"),
    root.readText("/etc/group"),
  );
  spec.process.user = { ...spec.process.user, uid, gid, additionalGids };
  root.makeFolder(bundle.workingDirectory);
  spec.root.path = rootfs;
  shareMemory(spec);
  const reached = launch.reachesHost ? hostMounts : undefined;
  spec.mounts = spec.mounts.map((mount, index) => pinned(directory, mount, index, reached));
}

/** `config.json`: the bundle is whole. `networkPath`: where the runtime finds the network namespace; undefined: the host's. */
export function finishBundle(directory: string, bundle: BundleFile, networkPath: string | undefined): void {
  const { linux } = bundle.spec;
  linux.namespaces = linux.namespaces.filter((namespace) => namespace.type !== "network");
  if (networkPath !== undefined) linux.namespaces.push({ type: "network", path: networkPath });
  writeFileSync(join(directory, SHIM_FILES.config), configText(bundle), { mode: 0o600 });
}

/** Takes all mounts in a shim's folder away. @throws SyscallError */
export function unmountBundle(directory: string): void {
  for (const name of readdirSync(directory)) {
    const isPinned = name.startsWith(SHIM_FILES.beneath);
    if (name === SHIM_FILES.runtime || name === SHIM_FILES.rootfs || isPinned) {
      try {
        if (isPinned) unpin(join(directory, name));
        umount2(join(directory, name), MNT.DETACH);
      } catch (error) {
        if (!isErrno(error, "EINVAL")) throw error; // It was not mounted.
      }
    }
  }
}

/**
 * Mounts the OCI runtime's program read-only at a place of its own, and gives that path. A runtime that sees that nobody can
 * write to its program (through `/proc/self/exe`, CVE-2019-5736) need not copy itself and start a second time: 2 to 3 ms
 * for each container and each exec. The program's own path when it cannot be mounted.
 */
export function guardRuntime(directory: string, program: string): string {
  const target = join(directory, SHIM_FILES.runtime);
  try {
    writeFileSync(target, "", { mode: 0o700 });
    bindMount(program, target, "", MS.BIND);
    bindMount("", target, "", MS.BIND | MS.REMOUNT | MS.RDONLY);
    return target;
  } catch {
    return program;
  }
}

/** crun takes the program in this annotation instead of compiling a profile (crun(1)). */
const SECCOMP_PROGRAM = "run.oci.seccomp_bpf_data";

/** `config.json`: the spec with the seccomp profile's text put in as it is. */
function configText(bundle: BundleFile): string {
  if (bundle.seccompProgramFile !== undefined) {
    const { annotations = {}, ...rest } = bundle.spec;
    const { [SECCOMP_PROGRAM]: _, ...others } = annotations;
    const program = readFileSync(bundle.seccompProgramFile, "utf8");
    const more = Object.keys(others).length === 0 ? "" : `${JSON.stringify(others).slice(1, -1)},`;
    return `${ociJson(rest).slice(0, -1)},"annotations":{${more}"${SECCOMP_PROGRAM}":"${program}"}}`;
  }
  if (bundle.seccompFile === undefined) return ociJson(bundle.spec);
  const { linux, ...rest } = bundle.spec;
  const seccomp = readFileSync(bundle.seccompFile, "utf8");
  // An object's text is never empty here: a container has namespaces.
  return `${ociJson(rest).slice(0, -1)},"linux":{"seccomp":${seccomp},${JSON.stringify(linux).slice(1)}}`;
}
