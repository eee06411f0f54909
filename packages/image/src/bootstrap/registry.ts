import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { isKind, messageOf, rfc3339Nano, systemError } from "@berth/base";
import { importTar } from "../create/import.ts";
import { tagImage } from "../tag.ts";
import type { BootstrapTask } from "./bootstrap.ts";
import { applets, buildRoot, fromHost, librariesOf, newestTime } from "./busybox.ts";
import { runTool, scratchFolder, tarOf } from "./tools.ts";

/** The tags that people run: `registry:2`, `registry:latest`, and Docker's newer line. */
const TAGS = ["2", "3", "latest"];
const CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt";
const CONFIG = "etc/docker/registry/config.yml";
const ROOT_FOLDER = "/var/lib/registry";

/** True for the names of the image that this recipe makes. */
export function isRegistryName(name: string): boolean {
  return name === "registry" || TAGS.some((tag) => name === `registry:${tag}`);
}

/**
 * `registry:2` and `registry:latest` without any network: this executable with the libraries of this machine, which answers to
 * `registry` and `htpasswd`, and a shell where busybox is installed.
 */
export async function bootstrapRegistry(task: BootstrapTask): Promise<void> {
  const program = executable();
  using folder = scratchFolder(task);
  const root = join(folder.path, "root");
  task.send({ status: "Building the root filesystem", id: "registry" });
  await shell(task, root);
  const libraries = await librariesOf(task, program);
  for (const [to, from] of libraries) put(root, from, to.slice(1), 0o755);
  put(root, program, "usr/bin/berth", 0o755);
  mkdirSync(join(root, "bin"), { recursive: true });
  for (const name of ["registry", "htpasswd"]) symlinkSync("/usr/bin/berth", join(root, "bin", name));
  if (existsSync(CERTIFICATES)) put(root, realpathSync(CERTIFICATES), CERTIFICATES.slice(1), 0o644);
  mkdirSync(join(root, ROOT_FOLDER), { recursive: true });
  mkdirSync(join(root, dirname(CONFIG)), { recursive: true });
  writeFileSync(
    join(root, CONFIG),
    [
      "version: 0.1",
      "log:",
      "  fields:",
      "    service: registry",
      "storage:",
      "  filesystem:",
      `    rootdirectory: ${ROOT_FOLDER}`,
      "http:",
      "  addr: :5000",
      "  headers:",
      "    X-Content-Type-Options: [nosniff]",
      "health:",
      "  storagedriver:",
      "    enabled: true",
      "    interval: 10s",
      "    threshold: 3",
      "",
    ].join("\n"),
  );
  const version = (await runTool(task, [program, "--version"])).trim();
  const time = newestTime([program, ...libraries.values()]);
  const id = await importTar(
    task.context,
    tarOf(task, root, time),
    {
      repository: "registry",
      tag: TAGS[0]!,
      message: "",
      changes: [
        "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "EXPOSE 5000",
        `VOLUME ${ROOT_FOLDER}`,
        'ENTRYPOINT ["/bin/registry"]',
        `CMD ["/${CONFIG}"]`,
      ],
    },
    "bootstrapped from the executable of Berth",
    task.signal,
    {
      labels: { "org.opencontainers.image.title": "registry", "org.opencontainers.image.version": version },
      created: rfc3339Nano(BigInt(time) * 1_000_000_000n),
      createdBy: "berth image bootstrap registry",
    },
  );
  for (const tag of TAGS.slice(1)) tagImage(task.context, id, "registry", tag);
  task.send({ status: `Made ${TAGS.map((tag) => `registry:${tag}`).join(", ")}` });
  task.send({ status: id });
}

function executable(): string {
  const path = realpathSync(process.execPath);
  if (!Bun.main.startsWith("/$bunfs/"))
    throw systemError(
      "the registry image is made of the executable `berth`, and this daemon runs from source",
      {
        hint: "Build it (make build) and start dist/berth daemon.",
      },
    );
  return path;
}

async function shell(task: BootstrapTask, root: string): Promise<void> {
  try {
    const busybox = await fromHost(task, new Error("it is not installed"));
    buildRoot(root, busybox, await applets(task, busybox));
  } catch (error) {
    if (isKind(error, "cancelled")) throw error;
    task.send({ status: `Without a shell (${messageOf(error)})`, id: "registry" });
    for (const name of ["tmp", "etc", "proc", "sys", "dev", "run"])
      mkdirSync(join(root, name), { recursive: true });
    writeFileSync(join(root, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
    writeFileSync(join(root, "etc/group"), "root:x:0:\n");
  }
}

function put(root: string, from: string, to: string, mode: number): void {
  const target = join(root, to);
  mkdirSync(dirname(target), { recursive: true, mode: 0o755 });
  copyFileSync(from, target);
  chmodSync(target, mode);
}
