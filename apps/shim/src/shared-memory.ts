import { bindFromNamespace, closeQuietly, O, open } from "@berth/linux";
import type { OciSpec } from "@berth/runtime";

const SHM = "/dev/shm";
/** How a spec names the /dev/shm of the container whose IPC namespace is joined. */
const OF_ANOTHER = /^\/proc\/(\d+)\/root\/dev\/shm$/;

/**
 * Makes another container's /dev/shm bindable: it is mounted over this process' own, in its private mount namespace, because
 * a bind from another mount namespace is not possible. @throws SyscallError when that container has ended
 */
export function shareMemory(spec: OciSpec): void {
  for (const mount of spec.mounts) {
    const pid = OF_ANOTHER.exec(mount.source ?? "")?.[1];
    if (pid === undefined) continue;
    const namespace = open(`/proc/${pid}/ns/mnt`, O.RDONLY);
    try {
      bindFromNamespace(namespace, SHM, SHM);
    } finally {
      closeQuietly(namespace);
    }
    mount.source = SHM;
  }
}
