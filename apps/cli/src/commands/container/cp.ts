import { type Client, containerGetArchive, containerPutArchive, containerStatPath } from "@berth/client";
import { command, exactly } from "../../command.ts";
import type { Context } from "../../context.ts";
import { absolute, keepName, linkedPath } from "../../copy/paths.ts";
import { type Destination, planCopy } from "../../copy/plan.ts";
import { CopyProgress } from "../../copy/progress.ts";
import { CommandError } from "../../errors.ts";
import { bool } from "../../flags/types.ts";

interface CopyOptions {
  archive: boolean;
  followLink: boolean;
  quiet: boolean;
}

export default command({
  names: ["container cp", "cp"],
  summary: "Copy files and folders between a container and here",
  description:
    "With - instead of a local path, a tar archive goes to stdout, or from stdin into a folder of the container.",
  usage: "[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-",
  moreUsage: ["[OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH"],
  arguments: exactly(2),
  completes: ["container"],
  flags: {
    archive: bool("Keep owners (user and group ids)", { shorthand: "a" }),
    "follow-link": bool("Copy what SRC_PATH leads to when it is a symbolic link", { shorthand: "L" }),
    quiet: bool("Say nothing; the default when stdout is no terminal", { shorthand: "q" }),
  },
  examples: [
    { what: "A file out of a container", words: "cp web:/etc/nginx/nginx.conf ." },
    { what: "What a folder holds into a container", words: "cp site/. web:/usr/share/nginx/html" },
  ],
  async run(context, { values, given }, [from = "", to = ""]) {
    if (from === "") throw new CommandError("source can not be empty");
    if (to === "") throw new CommandError("destination can not be empty");
    const source = splitArgument(from);
    const destination = splitArgument(to);
    const options = {
      archive: values.archive,
      followLink: values["follow-link"],
      quiet: given("quiet") ? values.quiet : !(await context.isTerminal(1)),
    };
    if (source.container !== "" && destination.container !== "") {
      throw new CommandError("copying between containers is not supported");
    }
    if (source.container !== "") {
      return copyFrom(context, source.container, source.path, destination.path, options);
    }
    if (destination.container !== "") {
      return copyTo(context, source.path, destination.container, destination.path, options);
    }
    throw new CommandError("must specify at least one container source");
  },
});

/** `CONTAINER:PATH`, or a local path: absolute, without a colon, or with a dot in front. */
export function splitArgument(text: string): { container: string; path: string } {
  const colon = text.indexOf(":");
  if (text.startsWith("/") || text.startsWith(".") || colon < 0) return { container: "", path: text };
  return { container: text.slice(0, colon), path: text.slice(colon + 1) };
}

async function copyFrom(
  context: Context,
  container: string,
  from: string,
  to: string,
  { followLink, quiet }: CopyOptions,
): Promise<void> {
  const toStdout = to === "-";
  const { checkDestination, localDestination } = await import("../../copy/local.ts");
  const target = toStdout ? to : absolute(to);
  if (!toStdout) await checkDestination(target);
  const client = await context.client();
  let path = from;
  let name: string | undefined;
  if (followLink) {
    const found = await statPath(client, container, from);
    if (found?.isLink) ({ path, name } = keepName(from, linkedPath(from, found.linkTarget)));
  }
  const { stat, tar } = await containerGetArchive(client, container, path);
  if (toStdout) {
    for await (const chunk of tar) await context.stdout.write(chunk);
    return;
  }
  try {
    // A link that was followed: the archive has its target's name, and the copy shall have the link's.
    const planned = planCopy(
      { path, isDirectory: isDirectory(stat.mode), name },
      await localDestination(target),
    );
    const { splitEntry } = await import("../../copy/paths.ts");
    const inArchive = splitEntry(path).name;
    const rename =
      planned.rename !== undefined
        ? { from: inArchive, to: planned.rename.to }
        : name !== undefined
          ? { from: inArchive, to: name }
          : undefined;
    const { unpackLocal } = await import("../../copy/local-archive.ts");
    await withProgress(context, "Copying from container", quiet, target, tar, (chunks) =>
      unpackLocal(chunks, { folder: planned.folder, rename }),
    );
  } finally {
    tar.cancel();
  }
}

async function copyTo(
  context: Context,
  from: string,
  container: string,
  to: string,
  { archive, followLink, quiet }: CopyOptions,
): Promise<void> {
  const client = await context.client();
  const destination = await containerDestination(client, container, to);
  const put = (folder: string, tar: AsyncIterable<Uint8Array>) =>
    containerPutArchive(client, container, folder, tar, { copyUIDGID: archive });
  const shown = `${container}:${destination.path}`;
  const verb = "Copying to container";
  if (from === "-") {
    if (!destination.isDirectory) {
      throw new CommandError(`destination "${container}:${to}" must be a directory`);
    }
    await withProgress(context, verb, quiet, shown, context.stdin.chunks(), (tar) =>
      put(destination.path, tar),
    );
    return;
  }
  const { localSource } = await import("../../copy/local.ts");
  const { packLocal } = await import("../../copy/local-archive.ts");
  const source = await localSource(absolute(from), followLink);
  const { folder, rename } = planCopy(source, destination);
  await withProgress(context, verb, quiet, shown, packLocal(source, rename), (tar) => put(folder, tar));
}

/** A link is followed once. What cannot be found out is left to the daemon, which then says why. */
async function containerDestination(client: Client, container: string, path: string): Promise<Destination> {
  let at = path;
  let found = await statPath(client, container, at);
  if (found?.isLink) {
    at = linkedPath(at, found.linkTarget);
    found = await statPath(client, container, at);
  }
  if (found !== undefined && (found.mode & DEVICE) !== 0) {
    throw new CommandError(
      `destination "${container}:${path}" must be a directory or a regular file: got a device`,
    );
  }
  return { path: at, exists: found !== undefined, isDirectory: isDirectory(found?.mode ?? 0) };
}

/** Bits of Go's os.FileMode. */
const DIRECTORY = 1 << 31;
const SYMLINK = 1 << 27;
const DEVICE = 1 << 26;
const isDirectory = (mode: number) => (mode & DIRECTORY) !== 0;

async function statPath(client: Client, container: string, path: string) {
  try {
    const { mode, linkTarget } = await containerStatPath(client, container, path);
    return { mode, linkTarget, isLink: (mode & SYMLINK) !== 0 };
  } catch {
    return undefined;
  }
}

async function withProgress(
  context: Context,
  verb: string,
  quiet: boolean,
  destination: string,
  chunks: AsyncIterable<Uint8Array>,
  copy: (chunks: AsyncIterable<Uint8Array>) => Promise<void>,
): Promise<void> {
  if (quiet) return copy(chunks);
  const progress = new CopyProgress(context, verb, await context.isTerminal(2));
  try {
    await copy(progress.count(chunks));
  } finally {
    await progress.clear();
  }
  await progress.done(destination);
}
