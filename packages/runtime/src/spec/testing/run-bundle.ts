/*
 * Program of run.test.ts: `run-bundle.ts <oci runtime> <its root> <bundle> <id>` runs a bundle as a shim would, in a mount
 * namespace of its own without the unified hierarchy of a hybrid host, and exits with the container's code.
 */
import {
  CLONE,
  cgroupMode,
  exitNow,
  MNT,
  MS,
  mount,
  posixSpawn,
  umount2,
  unshare,
  waitpid,
} from "@berth/linux";

const [runtime, root, bundle, id] = process.argv.slice(2) as [string, string, string, string];
unshare(CLONE.NEWNS);
mount("", "/", "", MS.REC | MS.SLAVE);
if (cgroupMode() === "hybrid") umount2("/sys/fs/cgroup/unified", MNT.DETACH);
const pid = posixSpawn({
  path: runtime,
  args: [runtime, "--root", root, "run", "--bundle", bundle, id],
  env: [`PATH=${process.env.PATH}`],
});
exitNow(waitpid(pid)?.exitCode ?? 255);
