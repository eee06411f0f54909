import type { BuildRecord } from "@berth/api/build";
import { buildHistory, type Client } from "@berth/client";
import { CommandError } from "../errors.ts";

/** `Running`, `Completed`, `Canceled` or `Error`. */
export function statusOf({ completedAt, error }: BuildRecord): string {
  if (completedAt === undefined) return "Running";
  if (error === undefined) return "Completed";
  return /context canceled|^cancel/i.test(error) ? "Canceled" : "Error";
}

/** What is built, as a name: the folder or URL, and the target. */
export function nameOf({ attributes }: BuildRecord): string {
  const { target = "", context = "", filename = "Dockerfile" } = attributes;
  const what = context === "" ? filename : context;
  return target === "" ? what : `${what} (${target})`;
}

/** `1m 3s`, `0.4s`: of a build that runs, until now. */
export function durationOf({ createdAt, completedAt }: BuildRecord): string {
  const end = completedAt === undefined ? Date.now() : Date.parse(completedAt);
  const seconds = Math.max(0, end - Date.parse(createdAt)) / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)}s`;
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return `${hours > 0 ? `${hours}h ` : ""}${minutes}m ${Math.floor(seconds % 60)}s`;
}

/** The record whose name begins so; `^0` is the newest one, `^1` that before. @throws CommandError */
export async function findRecord(client: Client, reference: string): Promise<BuildRecord> {
  const records = await buildHistory(client);
  const back = /^\^(\d+)$/.exec(reference);
  const found =
    reference === ""
      ? records.slice(0, 1)
      : back !== null
        ? records.slice(Number(back[1]), Number(back[1]) + 1)
        : records.filter(({ ref }) => ref.startsWith(reference.split("/").at(-1) as string));
  const [record] = found;
  if (record === undefined)
    throw new CommandError(
      `ERROR: no record found${reference === "" ? "" : ` for ${JSON.stringify(reference)}`}`,
    );
  if (found.length > 1) throw new CommandError(`ERROR: ${JSON.stringify(reference)} means several records`);
  return record;
}
