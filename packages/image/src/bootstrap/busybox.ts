import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { isKind, messageOf, rfc3339Nano, systemError } from "@berth/base";
import { importTar } from "../create/import.ts";
import { tagImage } from "../tag.ts";
import type { BootstrapTask } from "./bootstrap.ts";
import { runTool, scratchFolder, tarOf, whereIs } from "./tools.ts";

/** A busybox program, its shared objects by their path in the image, and where it comes from. */
interface Program {
  path: string;
  libraries: ReadonlyMap<string, string>;
  /** `busybox 1:1.35.0-4`, … */
  packages: string[];
  /** Upstream's version: `1.35.0`. */
  version: string;
}

/**
 * `busybox:latest` and `busybox:VERSION` from Debian's packages: the program with the C library, which resolves names, or
 * where packages cannot be fetched, the program that is installed.
 */
export async function bootstrapBusybox(task: BootstrapTask): Promise<void> {
  using folder = scratchFolder(task);
  const program = await findProgram(task, folder.path);
  const root = join(folder.path, "root");
  task.send({ status: "Building the root filesystem", id: "busybox" });
  const time = newestTime([program.path, ...program.libraries.values()]);
  buildRoot(root, program, await applets(task, program));
  const id = await importTar(
    task.context,
    tarOf(task, root, time),
    {
      repository: "busybox",
      tag: "latest",
      message: "",
      changes: ["ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 'CMD ["sh"]'],
    },
    `bootstrapped from Debian's packages: ${program.packages.join(", ")}`,
    task.signal,
    {
      labels: {
        "org.opencontainers.image.title": "busybox",
        "org.opencontainers.image.version": program.version,
        "org.opencontainers.image.vendor": "Debian",
        "berth.bootstrap.packages": program.packages.join(", "),
      },
      created: rfc3339Nano(BigInt(time) * 1_000_000_000n),
      createdBy: "berth image bootstrap busybox",
    },
  );
  tagImage(task.context, id, "busybox", program.version);
  task.send({ status: `Made busybox:latest and busybox:${program.version}` });
  task.send({ status: id });
}

async function findProgram(task: BootstrapTask, folder: string): Promise<Program> {
  try {
    return await fromPackages(task, folder);
  } catch (error) {
    if (isKind(error, "cancelled")) throw error;
    task.send({
      status: `Packages cannot be fetched (${messageOf(error).split("\n").at(-1)}); taking the busybox that is installed`,
    });
    return await fromHost(task, error);
  }
}

/** Downloads and unpacks `busybox` and `libc6`; installs nothing. */
async function fromPackages(task: BootstrapTask, folder: string): Promise<Program> {
  const debs = join(folder, "debs");
  const root = join(folder, "packages");
  mkdirSync(debs);
  mkdirSync(root);
  task.send({ status: "Downloading Debian's packages busybox and libc6", id: "busybox" });
  const sandbox = ["-o", "APT::Sandbox::User=root"];
  await runTool(task, ["apt-get", "download", ...sandbox, "busybox", "libc6"], { cwd: debs });
  const packages: string[] = [];
  let version = "";
  for (const name of readdirSync(debs).sort()) {
    const deb = join(debs, name);
    const full = (await runTool(task, ["dpkg-deb", "--field", deb, "Version"])).trim();
    const title = (await runTool(task, ["dpkg-deb", "--field", deb, "Package"])).trim();
    packages.push(`${title} ${full}`);
    if (title === "busybox") version = upstreamVersion(full);
    await runTool(task, ["dpkg-deb", "--extract", deb, root]);
  }
  const path = ["bin/busybox", "usr/bin/busybox"]
    .map((each) => join(root, each))
    .find((each) => existsSync(each));
  if (path === undefined || version === "") throw systemError("the package busybox has no program");
  return { path, libraries: librariesIn(root), packages, version };
}

/** The loader and the libraries that busybox and name resolution need, with the links to them. */
function librariesIn(root: string): Map<string, string> {
  const wanted = /^(ld-linux.*\.so\.\d+|ld64?\.so\.\d+|lib(c|m|resolv|nss_dns|nss_files)\.so\.\d+)$/;
  const libraries = new Map<string, string>();
  const scan = (folder: string) => {
    if (!existsSync(join(root, folder))) return;
    for (const name of readdirSync(join(root, folder))) {
      const path = join(root, folder, name);
      const stat = lstatSync(path);
      if (stat.isDirectory() && /-linux-gnu/.test(name)) scan(join(folder, name));
      else if (wanted.test(name) && (stat.isFile() || stat.isSymbolicLink())) {
        // In a merged /usr the loader's path begins with /lib all the same: programs name it so.
        libraries.set(`/${join(folder, name)}`.replace(/^\/usr\//, "/"), path);
      }
    }
  };
  for (const folder of ["lib", "lib64", "lib32", "usr/lib", "usr/lib64"]) scan(folder);
  if (libraries.size === 0) throw systemError("the package libc6 has no libraries");
  return libraries;
}

/** The program on this machine: alone when it is static, with the libraries that ldd(1) names otherwise. */
export async function fromHost(task: BootstrapTask, reason: unknown): Promise<Program> {
  const path = whereIs("busybox");
  if (path === null) {
    throw systemError(`cannot make busybox: ${messageOf(reason)}`, {
      hint: "apt-get update, so that apt-get download works, or apt-get install busybox-static",
      cause: reason,
    });
  }
  const banner = /^BusyBox v(\S+)/.exec(await runTool(task, [path]));
  const owner = await packageOf(task, realpathSync(path));
  const libraries = await librariesOf(task, path);
  const version = upstreamVersion(owner?.split(" ")[1] ?? banner?.[1] ?? "0");
  return { path, libraries, packages: [owner ?? "busybox"], version };
}

/** The shared objects that ldd(1) names, by their path in the image; none for a static program. */
export async function librariesOf(task: BootstrapTask, path: string): Promise<Map<string, string>> {
  const libraries = new Map<string, string>();
  const linked = await runTool(task, ["ldd", path]).catch(() => "");
  for (const [, , found, loader] of linked.matchAll(/^\s*(?:(\S+) => (\/\S+)|(\/\S+)) \(0x/gm)) {
    const library = found ?? loader;
    if (library !== undefined) libraries.set(library.replace(/^\/usr\//, "/"), library);
  }
  return libraries;
}

async function packageOf(task: BootstrapTask, path: string): Promise<string | undefined> {
  const search = async (each: string) => {
    const line = await runTool(task, ["dpkg-query", "--search", each]).catch(() => "");
    return /^([^:,\s]+)/.exec(line)?.[1];
  };
  const name = (await search(path)) ?? (await search(path.replace(/^\/usr\//, "/")));
  if (name === undefined) return undefined;
  return (await runTool(task, ["dpkg-query", "--show", `--showformat=\${Package} \${Version}`, name])).trim();
}

/** `1:1.35.0-4+deb12u1` → `1.35.0`. */
export function upstreamVersion(version: string): string {
  return version
    .replace(/^\d+:/, "")
    .replace(/-[^-]*$/, "")
    .replace(/[^\w.-]/g, "_");
}

/** The names that the program answers to. */
export async function applets(task: BootstrapTask, program: Program): Promise<string[]> {
  const loader = [...program.libraries].find(
    ([path]) => /\/ld[-\w]*\.so/.test(path) || /\/ld-linux/.test(path),
  );
  // Run with its own libraries: the host's may be of another release.
  const command =
    loader === undefined
      ? [program.path, "--list"]
      : [
          realpathSync(loader[1]),
          "--library-path",
          [...new Set([...program.libraries.values()].map((each) => dirname(each)))].join(":"),
          program.path,
          "--list",
        ];
  const names = (await runTool(task, command)).split("\n").filter((name) => /^[\w[.-]+$/.test(name));
  if (!names.includes("sh")) throw systemError("busybox does not say what it can do");
  return names;
}

const PASSWD = `root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
bin:x:2:2:bin:/bin:/bin/false
sys:x:3:3:sys:/dev:/bin/false
sync:x:4:100:sync:/bin:/bin/sync
mail:x:8:8:mail:/var/spool/mail:/bin/false
www-data:x:33:33:www-data:/var/www:/bin/false
operator:x:37:37:Operator:/var:/bin/false
nobody:x:65534:65534:nobody:/home:/bin/false
`;
const GROUP = `root:x:0:
daemon:x:1:
bin:x:2:
sys:x:3:
adm:x:4:
tty:x:5:
disk:x:6:
mail:x:8:
kmem:x:9:
wheel:x:10:root
www-data:x:33:
operator:x:37:
users:x:100:
nobody:x:65534:
`;
const SHADOW = PASSWD.replace(/^([^:]+):.*$/gm, "$1:*:19000:0:99999:7:::");

export function buildRoot(root: string, program: Program, names: readonly string[]): void {
  const folders: [string, number][] = [
    ["", 0o755],
    ...[
      "bin",
      "dev",
      "etc",
      "home",
      "proc",
      "run",
      "sys",
      "usr",
      "usr/bin",
      "usr/sbin",
      "var",
      "var/spool",
      "var/spool/mail",
      "var/www",
      "usr/local",
      "usr/local/bin",
      "sbin",
    ].map((name): [string, number] => [name, 0o755]),
    ["root", 0o700],
    ["tmp", 0o1777],
    ["var/tmp", 0o1777],
  ];
  for (const [name, mode] of folders) {
    mkdirSync(join(root, name), { recursive: true });
    chmodSync(join(root, name), mode);
  }
  const put = (from: string, to: string, mode: number) => {
    mkdirSync(dirname(join(root, to)), { recursive: true, mode: 0o755 });
    copyFileSync(from, join(root, to));
    chmodSync(join(root, to), mode);
  };
  put(program.path, "bin/busybox", 0o755);
  for (const name of names) {
    if (name !== "busybox") linkSync(join(root, "bin/busybox"), join(root, "bin", name));
  }
  symlinkSync("../../bin/env", join(root, "usr/bin/env"));
  for (const [to, from] of program.libraries) {
    const link = lstatSync(from).isSymbolicLink() ? readlinkSync(from) : undefined;
    if (
      link !== undefined &&
      [...program.libraries.keys()].some((each) => basename(each) === basename(link))
    ) {
      mkdirSync(dirname(join(root, to)), { recursive: true, mode: 0o755 });
      symlinkSync(link.replace(/^\/usr\//, "/"), join(root, to));
    } else put(from, to, 0o755);
  }
  const write = (name: string, text: string, mode = 0o644) => {
    writeFileSync(join(root, name), text);
    chmodSync(join(root, name), mode);
  };
  write("etc/passwd", PASSWD);
  write("etc/group", GROUP);
  write("etc/shadow", SHADOW, 0o600);
  write(
    "etc/nsswitch.conf",
    "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nnetworks: files\nprotocols: files\nservices: files\n",
  );
}

/** Seconds since 1970 of the newest file: the same packages give the same image. */
export function newestTime(paths: readonly string[]): number {
  return Math.max(...paths.map((path) => Math.floor(statSync(path).mtimeMs / 1000)));
}
