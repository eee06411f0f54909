import { lstat, readlink, realpath, stat } from "node:fs/promises";
import { CommandError } from "../errors.ts";
import { fileError } from "../io/files.ts";
import { base, clean, endsWithSlash, folder, keepName, linkedPath, splitEntry } from "./paths.ts";
import type { Destination, Source } from "./plan.ts";

const MOST_LINKS = 10;

/** What a local path is as a source. Links on the way are followed, the last one if asked for. @throws CommandError */
export async function localSource(path: string, followLink: boolean): Promise<Source> {
  let resolved: { path: string; name: string | undefined };
  if (followLink) {
    resolved = keepName(path, await withoutLinks(path));
  } else {
    const cut = path.lastIndexOf("/") + 1;
    const real = `${(await withoutLinks(path.slice(0, cut))).replace(/\/$/, "")}/${path.slice(cut)}`;
    const differs = endsWithSlash(path) && base(path) !== base(real);
    resolved = { path: real, name: differs ? base(path) : undefined };
  }
  const found = await inspect("lstat", (at) => lstat(at), resolved.path);
  return { ...resolved, isDirectory: found.isDirectory() };
}

/** What a local path is as a destination. Links are followed, also to what is not there yet. @throws CommandError */
export async function localDestination(path: string): Promise<Destination> {
  let at = path;
  try {
    let found = await lstat(at);
    for (let links = 0; found.isSymbolicLink(); links++) {
      if (links > MOST_LINKS) throw new CommandError(`too many symlinks in ${path}`);
      at = linkedPath(at, await readlink(at));
      found = await lstat(at);
    }
    return { path: at, exists: true, isDirectory: found.isDirectory() };
  } catch (error) {
    if (error instanceof CommandError) throw error;
    if ((error as { code?: string }).code !== "ENOENT") throw fileError("lstat", at, error);
  }
  const parent = splitEntry(at).folder;
  if (!(await inspect("stat", (at) => stat(at), parent)).isDirectory())
    throw new CommandError("not a directory");
  return { path: at, exists: false, isDirectory: false };
}

/** @throws CommandError for a folder that is not there, and for what is neither folder nor file. */
export async function checkDestination(path: string): Promise<void> {
  const parent = folder(clean(path));
  try {
    await stat(parent);
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") {
      throw new CommandError(`invalid output path: directory ${JSON.stringify(parent)} does not exist`);
    }
  }
  const found = await stat(path).catch((error: { code?: string }) => {
    if (error.code !== "ENOENT") throw fileError("stat", path, error);
    return undefined;
  });
  if (found?.isBlockDevice() || found?.isCharacterDevice()) {
    throw new CommandError(
      `invalid output path: ${JSON.stringify(path)} must be a directory or a regular file: got a device`,
    );
  }
}

async function inspect<T>(name: string, call: (path: string) => Promise<T>, path: string): Promise<T> {
  try {
    return await call(path);
  } catch (error) {
    throw fileError(name, path, error);
  }
}

/** All links of a path followed. The error names the part that is not there. */
async function withoutLinks(path: string): Promise<string> {
  try {
    const real = await realpath(clean(path));
    if (endsWithSlash(path) && !(await stat(real)).isDirectory()) throw new CommandError("not a directory");
    return real;
  } catch (error) {
    if (error instanceof CommandError) throw error;
    if ((error as { code?: string }).code === "ENOTDIR") throw new CommandError("not a directory");
    const names = clean(path).split("/");
    for (let count = 2; count < names.length; count++) {
      await inspect("lstat", (at) => lstat(at), names.slice(0, count).join("/"));
    }
    throw fileError("lstat", clean(path), error);
  }
}
