import type { ContainerPathStat } from "@berth/api";
import { invalidParameter, notFound } from "@berth/base";
import type { EngineContext } from "../context.ts";
import { containerEvent } from "./events.ts";
import { viewOf } from "./view.ts";
import { whileThere } from "./while-there.ts";

/*
 * The archive endpoints behind `docker cp`. `path` is inside the container; relative to its root.
 */

const missing = (path: string, container: string) =>
  notFound(`Could not find the file ${path} in container ${container}`);

function checkPath(path: string): void {
  if (path === "") throw invalidParameter("bad parameter: pathcannot be empty");
  if (path.includes("\0")) throw invalidParameter("bad parameter: path holds a NUL byte");
}

/** @throws not-found. */
export async function statPath(
  engine: EngineContext,
  reference: string,
  path: string,
): Promise<ContainerPathStat> {
  const container = engine.containers.get(reference);
  checkPath(path);
  const work = engine.jobs.statPath(viewOf(engine, container), path);
  const stat = await whileThere(engine, container, reference, work);
  if (stat === undefined) throw missing(path, reference);
  return stat;
}

/** @throws not-found. */
export async function getArchive(
  engine: EngineContext,
  reference: string,
  path: string,
  signal: AbortSignal,
): Promise<{ stat: ContainerPathStat; tar: ReadableStream<Uint8Array> }> {
  const container = engine.containers.get(reference);
  checkPath(path);
  const work = engine.jobs.getArchive(viewOf(engine, container), path, signal);
  const found = await whileThere(engine, container, reference, work);
  if (found === undefined) throw missing(path, reference);
  containerEvent(engine, container, "archive-path");
  return found;
}

/** @throws not-found, invalid-parameter; forbidden when the place is read-only. */
export async function putArchive(
  engine: EngineContext,
  reference: string,
  path: string,
  tar: ReadableStream<Uint8Array>,
  options: { noOverwriteDirNonDir: boolean; copyUIDGID: boolean },
  signal: AbortSignal,
): Promise<void> {
  const container = engine.containers.get(reference);
  checkPath(path);
  const { config, hostConfig } = container.record;
  const asked = { ...options, user: config.User, readOnlyRoot: hostConfig.ReadonlyRootfs };
  const work = engine.jobs.putArchive(viewOf(engine, container), path, tar, asked, signal);
  if (!(await whileThere(engine, container, reference, work))) throw missing(path, reference);
  containerEvent(engine, container, "extract-to-dir");
}
