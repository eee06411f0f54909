import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { rfc3339Nano } from "@berth/base";
import { importTar } from "../create/import.ts";
import { tagImage } from "../tag.ts";
import type { BootstrapTask } from "./bootstrap.ts";
import { type DebianSource, releaseFacts, sourceLine, sourcesFile, sourcesOf } from "./sources.ts";
import { requireTool, runTool, scratchFolder, startTool } from "./tools.ts";

export interface DebianRecipe {
  suite: string;
  /** Without documentation, manual pages and translations. */
  slim: boolean;
  /** Tags that the image gets. */
  tags: string[];
}

/** What `debian` and `debian:latest` mean. */
const STABLE = "bookworm";

/** Undefined when the name is not one of Debian's. */
export function debianRecipe(name: string): DebianRecipe | undefined {
  const match = /^debian(?::([a-z][a-z0-9]{1,30})(-slim)?)?$/.exec(name);
  if (match === null) return undefined;
  const slim = match[2] !== undefined;
  const asked = match[1] ?? "latest";
  if (asked === "latest" && slim) return undefined;
  const suite = asked === "latest" ? STABLE : asked;
  const tag = slim ? `${suite}-slim` : suite;
  return { suite, slim, tags: suite === STABLE && !slim ? [tag, "latest"] : [tag] };
}

/** As Debian's own slim images have it; the copyright files stay, because the licenses ask for them. */
const SLIM_OPTIONS = [
  "path-exclude=/usr/share/doc/*",
  "path-include=/usr/share/doc/*/copyright",
  "path-exclude=/usr/share/info/*",
  "path-exclude=/usr/share/man/*",
  "path-exclude=/usr/share/groff/*",
  "path-exclude=/usr/share/lintian/*",
  "path-exclude=/usr/share/linda/*",
  "path-exclude=/usr/share/locale/*",
  "path-include=/usr/share/locale/locale.alias",
];

const MERGED_USR = "/usr/share/mmdebstrap/hooks/maybe-merged-usr";

/** What was needed only for the making, and what would make the image depend on the host and the hour. */
const CLEAN = [
  // What follows must never happen to the host.
  'test -n "$1" && cd "$1" || exit 1',
  "rm -f etc/apt/apt.conf.d/99mmdebstrap etc/apt/sources.list etc/machine-id var/lib/dbus/machine-id",
  "rm -rf var/lib/apt/lists/* var/cache/apt/*.bin var/cache/apt/archives/*.deb var/cache/ldconfig/aux-cache",
  "rm -rf var/log/apt var/log/*.log var/cache/debconf/*-old",
  // mmdebstrap keeps its apt.conf there until it has cleaned up: without it apt would clean the host.
  "find tmp -mindepth 1 -maxdepth 1 ! -name 'mmdebstrap.apt.conf.*' -exec rm -rf {} +",
  ": > etc/resolv.conf; : > etc/hostname; : > etc/machine-id",
].join("; ");

/** Debian's minimal system with apt, made by mmdebstrap; the same state of the archive gives the same image. */
export async function bootstrapDebian(task: BootstrapTask, recipe: DebianRecipe): Promise<void> {
  for (const tool of ["mmdebstrap", "unshare", "tar", "apt-get"]) requireTool(tool);
  const { suite, slim, tags } = recipe;
  const sources = await sourcesOf(task, suite);
  task.send({ status: `Reading ${sources[0]!.uri} ${suite}`, id: suite });
  const facts = await releaseFacts(task, sources);
  const time = facts?.time ?? Math.floor(Date.now() / 1000);
  using folder = scratchFolder(task);
  const settings = await settingsArchive(task, folder.path, sources, time);
  const command = await mmdebstrap(task, recipe, sources, settings);
  const tar = startTool(task, command, {
    env: { SOURCE_DATE_EPOCH: String(time), TMPDIR: folder.path },
    onLine: (line) => {
      if (/^([IWE]: |Get:|Fetched )/.test(line) && !/-hook|special hook|tempdir/.test(line)) {
        task.send({ status: line.replace(/^[IWE]: /, ""), id: suite });
      }
    },
  });
  const version = facts?.version ?? "";
  const id = await importTar(
    task.context,
    tar,
    {
      repository: "debian",
      tag: tags[0]!,
      message: "",
      changes: ["ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 'CMD ["bash"]'],
    },
    `bootstrapped from ${sources.map(({ uri, suite: each }) => `${uri} ${each}`).join(", ")}`,
    task.signal,
    {
      labels: {
        "org.opencontainers.image.title": "debian",
        ...(version !== "" && { "org.opencontainers.image.version": version }),
        "org.opencontainers.image.vendor": "Debian",
        "berth.bootstrap.suite": slim ? `${suite}-slim` : suite,
        "berth.bootstrap.mirror": sources[0]!.uri,
      },
      created: rfc3339Nano(BigInt(time) * 1_000_000_000n),
      createdBy: `berth image bootstrap debian:${tags[0]}`,
    },
  );
  for (const tag of tags.slice(1)) tagImage(task.context, id, "debian", tag);
  task.send({ status: `Made ${tags.map((tag) => `debian:${tag}`).join(" and ")}` });
  task.send({ status: id });
}

async function mmdebstrap(
  task: BootstrapTask,
  recipe: DebianRecipe,
  sources: readonly DebianSource[],
  settings: string,
): Promise<string[]> {
  // Its own mount namespace: when it is killed, nothing stays mounted.
  const command = [
    "unshare",
    "--mount",
    "--propagation",
    "private",
    "mmdebstrap",
    "--mode=root",
    "--format=tar",
  ];
  command.push("--variant=minbase");
  // Folders below the data root are closed to the user that apt would become.
  command.push('--aptopt=APT::Sandbox::User "root"', ...(await proxyOptions(task)));
  // It stays in the image too: a layer is thrown away when a build fails, its packages need not be synced one by one.
  command.push("--dpkgopt=force-unsafe-io");
  if (recipe.slim) for (const option of SLIM_OPTIONS) command.push(`--dpkgopt=${option}`);
  // One /usr, with the small package that says so instead of the one that converts and needs all of Perl.
  if (existsSync(MERGED_USR)) command.push(`--hook-dir=${MERGED_USR}`, "--include=usr-is-merged");
  command.push(`--customize-hook=${CLEAN}`, `--customize-hook=tar-in ${settings} /`);
  return [...command, recipe.suite, "-", ...sources.map(sourceLine)];
}

/** The proxies that the host's apt uses; for the making of the image only. */
async function proxyOptions(task: BootstrapTask): Promise<string[]> {
  const dump = await runTool(task, ["apt-config", "dump", "Acquire"]);
  const lines = dump.split("\n").filter((line) => /^Acquire::https?::Proxy(::\S+)? "[^"]*";$/i.test(line));
  return lines.map((line) => `--aptopt=${line.replace(/;$/, "")}`);
}

/** Files of the image that Debian's packages do not bring, as a tar. */
async function settingsArchive(
  task: BootstrapTask,
  folder: string,
  sources: readonly DebianSource[],
  time: number,
): Promise<string> {
  const files: [path: string, text: string, mode: number][] = [
    ["etc/apt/sources.list.d/debian.sources", sourcesFile(sources), 0o644],
    [
      "etc/apt/apt.conf.d/50container",
      `// Containers want small layers: no package files, no translations, compressed lists.
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Acquire::Languages "none";
Acquire::GzipIndexes "true";
APT::AutoRemove::SuggestsImportant "false";
`,
      0o644,
    ],
    [
      "usr/sbin/policy-rc.d",
      "#!/bin/sh\n# Nothing is started while packages are installed in a container.\nexit 101\n",
      0o755,
    ],
  ];
  const root = join(folder, "settings");
  for (const [path, text, mode] of files) {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
    writeFileSync(file, text);
    chmodSync(file, mode);
  }
  const archive = join(folder, "settings.tar");
  const options = ["--owner=0", "--group=0", "--numeric-owner", `--mtime=@${time}`, "--sort=name"];
  await runTool(task, ["tar", ...options, "-C", root, "-cf", archive, ...files.map(([path]) => path)]);
  return archive;
}
