import type { ContainerConfig } from "@berth/api";
import { conflict, type Digest, isKind } from "@berth/base";
import type { CommitOptions as ImageCommitOptions } from "@berth/image";
import type { EngineContext } from "../context.ts";
import { isAlive } from "./container.ts";
import { containerEvent } from "./events.ts";
import { pauseLocked, unpauseLocked } from "./pause.ts";

export interface CommitOptions {
  container: string;
  /** Both empty: an image without a name. */
  repository: string;
  tag: string;
  comment: string;
  author: string;
  /** Stop the processes while copying. */
  pause: boolean;
  /** Dockerfile instructions: `CMD ["x"]`, `ENV a=b`, … */
  changes: string[];
  /** Configuration given in the body; overrides the container's field by field. */
  config?: ContainerConfig;
}

/** Makes an image of a container's layer: the part of the image store. */
export interface Committer {
  commit(options: ImageCommitOptions, signal: AbortSignal): Promise<Digest>;
}

/** @returns the new image's id. @throws not-found, conflict, invalid-parameter. */
export async function commitContainer(
  engine: EngineContext,
  committer: Committer,
  options: CommitOptions,
  signal: AbortSignal,
): Promise<string> {
  const container = engine.containers.get(options.container);
  const { record, state } = container;
  if (state.dead) throw conflict(`You cannot commit container ${container.id} which is Dead`);
  if (state.removing) throw conflict(`You cannot commit container ${container.id} which is being removed`);
  if (record.imageId === "") throw conflict(`You cannot commit container ${container.id}: it has no image`);
  const { imageId } = record;
  // Held throughout: nobody resumes or removes it while it is copied.
  using _held = await container.lock.lock();
  const pause = options.pause && isAlive(container) && !state.paused;
  // One that ends this moment stands still anyway.
  if (pause) unlessEnded(() => pauseLocked(engine, container));
  try {
    const id = await committer.commit(
      {
        containerId: container.id,
        imageId,
        containerConfig: record.config,
        ...(options.config ? { config: options.config } : {}),
        repository: options.repository,
        tag: options.tag,
        author: options.author,
        comment: options.comment,
        changes: options.changes,
      },
      signal,
    );
    const name = options.repository === "" ? "" : `${options.repository}:${options.tag || "latest"}`;
    containerEvent(engine, container, "commit", {
      comment: options.comment,
      imageID: id,
      ...(name === "" ? {} : { imageRef: name }),
    });
    return id;
  } finally {
    if (pause && container.state.paused) unlessEnded(() => unpauseLocked(engine, container));
  }
}

function unlessEnded(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!isKind(error, "conflict")) throw error;
  }
}
