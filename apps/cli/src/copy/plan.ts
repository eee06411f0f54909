import { CommandError } from "../errors.ts";
import { meansFolder, splitEntry } from "./paths.ts";

/** What is copied. */
export interface Source {
  path: string;
  isDirectory: boolean;
  /** Its name in the archive when that is not the path's: of a link that was followed. */
  name: string | undefined;
}

/** Where it is copied to. */
export interface Destination {
  path: string;
  exists: boolean;
  isDirectory: boolean;
}

/** The folder in which the archive is unpacked, and what its topmost entry has to be called there. */
export interface Plan {
  folder: string;
  rename: { from: string; to: string } | undefined;
}

/** Docker's rules: into a folder that is there; otherwise under the name that was given. @throws CommandError */
export function planCopy(source: Source, destination: Destination): Plan {
  if (destination.exists && destination.isDirectory) return { folder: destination.path, rename: undefined };
  if (destination.exists && source.isDirectory) throw new CommandError("cannot copy directory");
  if (!destination.exists && !source.isDirectory && meansFolder(destination.path)) {
    throw new CommandError("no such directory");
  }
  const { folder, name: to } = splitEntry(destination.path);
  return { folder, rename: { from: source.name ?? splitEntry(source.path).name, to } };
}

/** A name of the archive after the topmost entry got another one. The root's entries have no name in front. */
export function renamed(name: string, rename: { from: string; to: string } | undefined): string {
  if (rename === undefined) return name;
  const from = rename.from === "/" ? "" : rename.from;
  if (from === "") return name.startsWith("/") ? rename.to + name : `${rename.to}/${name}`;
  return name === from || name.startsWith(`${from}/`) ? rename.to + name.slice(from.length) : name;
}
