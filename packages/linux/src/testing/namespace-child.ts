/* Program of mount.test.ts: everything that must not happen to the test's own process. Prints one line of JSON. */
import { existsSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  bindFromNamespace,
  CLONE,
  chroot,
  close,
  insideNamespace,
  isErrno,
  MNT,
  MS,
  mount,
  O,
  open,
  pivotRoot,
  sethostname,
  statx,
  umount2,
  unshare,
} from "../index.ts";

const folder = process.argv[2] as string;
const report: Record<string, unknown> = {};
const mounts = () => readFileSync("/proc/self/mountinfo", "utf8");

unshare(CLONE.NEWNS | CLONE.NEWUTS | CLONE.NEWIPC);
mount("", "/", "", MS.REC | MS.PRIVATE);
sethostname("berth-inside");
report.hostname = readFileSync("/proc/sys/kernel/hostname", "utf8").trim();

const root = join(folder, "root");
for (const name of ["lower", "upper", "work", "root"]) mkdirSync(join(folder, name));
writeFileSync(join(folder, "lower/from-lower"), "x");
mount(
  "overlay",
  root,
  "overlay",
  0,
  `lowerdir=${folder}/lower,upperdir=${folder}/upper,workdir=${folder}/work`,
);
report.overlay = existsSync(join(root, "from-lower"));
report.isMountRoot = statx(-100, root).isMountRoot;
mkdirSync(join(root, "tmp"));
mount("tmpfs", join(root, "tmp"), "tmpfs", MS.NOSUID | MS.NODEV, "size=64k,mode=1777");
mount("", join(root, "tmp"), "", MS.REMOUNT | MS.BIND | MS.RDONLY);
try {
  writeFileSync(join(root, "tmp/file"), "x");
} catch (error) {
  report.readOnly = (error as NodeJS.ErrnoException).code;
}
try {
  umount2(root);
} catch (error) {
  report.busy = isErrno(error, "EBUSY") && (error as Error).message.startsWith(`unmount ${root}: `);
}

// Another process makes a mount that only its own namespace has.
const shared = join(folder, "shared");
const mine = join(folder, "mine");
mkdirSync(shared);
mkdirSync(mine);
const script = `mount -t tmpfs t ${shared} && echo hello >${shared}/file && echo ready && read end`;
const other = Bun.spawn(["unshare", "-m", "sh", "-c", script], { stdin: "pipe", stdout: "pipe" });
await other.stdout.getReader().read();
const theirs = open(`/proc/${other.pid}/ns/mnt`, O.RDONLY);
const cwd = process.cwd();
bindFromNamespace(theirs, shared, mine);
close(theirs);
report.foreign =
  readFileSync(join(mine, "file"), "utf8") === "hello\n" && process.cwd() === cwd && existsSync(".");
report.stillPrivate = !existsSync(join(shared, "file"));
other.kill("SIGKILL");
umount2(mine);

const hostNetwork = readlinkSync("/proc/thread-self/ns/net");
const host = open("/proc/thread-self/ns/net", O.RDONLY);
unshare(CLONE.NEWNET);
const own = readlinkSync("/proc/thread-self/ns/net");
report.inside =
  insideNamespace(host, CLONE.NEWNET, () => readlinkSync("/proc/thread-self/ns/net")) === hostNetwork;
report.back = readlinkSync("/proc/thread-self/ns/net") === own && own !== hostNetwork;
close(host);

process.chdir(root);
pivotRoot(".", ".");
umount2(".", MNT.DETACH);
chroot(".");
report.pivoted = existsSync("/from-lower") && !existsSync("/etc");
console.log(
  JSON.stringify({ ...report, mountsGone: !existsSync("/proc/self") || !mounts().includes(folder) }),
);
