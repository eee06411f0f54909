/** One operation of a plan as calls of the engine. Each may be repeated: what is done already counts as success. */
import { messageOf } from "@berth/base";
import {
  type Client,
  containerKill,
  containerRemove,
  containerRename,
  containerRestart,
  containerStart,
  containerStop,
  imageRemove,
  networkDisconnect,
  networkRemove,
  volumeRemove,
} from "@berth/client";
import type { RenderService } from "../config-hash.ts";
import type { Operation } from "../plan/operation.ts";
import type { Progress } from "../progress.ts";
import type { Target } from "../target.ts";
import type { ContainerIndex } from "./container-index.ts";
import { createContainer } from "./create-container.ts";
import { createNetwork, createVolume } from "./create-resources.ts";
import { runHook } from "./hook.ts";
import { waitFor } from "./wait.ts";

export interface Performer {
  client: Client;
  target: Target;
  index: ContainerIndex;
  /** By service. */
  imageIds: ReadonlyMap<string, string | undefined>;
  /** By service: its name at the daemon. */
  imageNames: ReadonlyMap<string, string>;
  render: RenderService;
  progress: Progress;
  /** As `ComposeEngine.atOnce`. */
  atOnce?: number | undefined;
  /** Called before a container starts: who wants its first output attaches now. */
  beforeStart?: (container: { id: string; name: string; service: string }) => Promise<void>;
  /** Output of hooks. */
  onHookOutput?: (container: string, chunk: Uint8Array) => void;
}

const status = (error: unknown): number | undefined => (error as { status?: number }).status;
/** There is nothing to do any more. */
const isGone = (error: unknown): boolean => status(error) === 404;

/** @throws ApiError, invalid-parameter; the container's line says it too. */
export async function perform(context: Performer, operation: Operation, signal: AbortSignal): Promise<void> {
  const { client, index } = context;
  switch (operation.kind) {
    case "create-network":
      return createNetwork(context, operation.key);
    case "create-volume":
      return createVolume(context, operation.key);
    case "create-container":
      return shown(context, operation.container, operation.replaces ? "Recreate" : "Creating", async () => {
        await createContainer(context, operation);
        return operation.replaces ? undefined : "Created";
      });
    case "rename-container":
      return shown(context, operation.container, undefined, async () => {
        const id = index.find(operation.container)?.id ?? operation.id ?? operation.container;
        await containerRename(client, id, operation.container).catch(
          ignoring((error) => messageOf(error).includes("same name")),
        );
        return "Recreated";
      });
    case "start-container": {
      const id = index.find(operation.container)?.id ?? operation.container;
      await context.beforeStart?.({ id, name: operation.container, service: operation.service });
      return shown(context, operation.container, "Starting", async () => {
        await containerStart(client, id);
        return "Started";
      });
    }
    case "stop-container":
      return shown(context, operation.container, operation.quiet ? undefined : "Stopping", async () => {
        const { timeout } = operation;
        await containerStop(client, operation.id, timeout === undefined ? {} : { timeout }).catch(
          ignoring(isGone),
        );
        return operation.quiet ? undefined : "Stopped";
      });
    case "kill-container":
      return shown(context, operation.container, "Killing", async () => {
        await containerKill(client, operation.id, { signalName: operation.signal });
        return "Killed";
      });
    case "restart-container":
      return shown(context, operation.container, "Restarting", async () => {
        const { timeout } = operation;
        await containerRestart(client, operation.id, timeout === undefined ? {} : { timeout });
        return "Started";
      });
    case "remove-container":
      return shown(context, operation.container, operation.quiet ? undefined : "Removing", async () => {
        const { id, force, volumes } = operation;
        await removeContainer(client, id, { force, volumes });
        index.delete(id);
        return operation.quiet ? undefined : "Removed";
      });
    case "hook":
      return runHook(context, operation, signal);
    case "wait":
      return waitFor(context, operation, signal);
    case "remove-network":
      if (operation.replaced) {
        await networkRemove(client, operation.id).catch(ignoring(isGone));
        return;
      }
      return removing(context, `Network ${operation.name}`, () => networkRemove(client, operation.id));
    case "disconnect-network":
      await networkDisconnect(client, operation.id, {
        Container: operation.containerId,
        Force: true,
      }).catch(ignoring((error) => isGone(error) || /is not connected/.test(messageOf(error))));
      return;
    case "remove-volume":
      return removing(context, `Volume ${operation.name}`, () =>
        volumeRemove(client, operation.name, { force: true }),
      );
    case "remove-image":
      return removing(context, `Image ${operation.name}`, () => imageRemove(client, operation.name, {}));
    case "join":
      return;
  }
}

/** Another client may be removing it right now. */
async function removeContainer(
  client: Client,
  id: string,
  options: { force: boolean; volumes: boolean },
): Promise<void> {
  await containerRemove(client, id, options).catch(
    ignoring((error) => isGone(error) || messageOf(error).includes("is already in progress")),
  );
}

async function removing({ progress }: Performer, id: string, act: () => Promise<unknown>): Promise<void> {
  progress.event({ id, text: "Removing", status: "working" });
  try {
    await act();
    progress.event({ id, text: "Removed", status: "done" });
  } catch (error) {
    if (isGone(error)) {
      progress.event({ id, text: "Warning: No resource found to remove", status: "warning" });
    } else if (status(error) === 409 || /has active endpoints|is in use|being used/.test(messageOf(error))) {
      // Somebody else uses it: it stays, and that is no failure of this project's end.
      progress.event({ id, text: "Resource is still in use", status: "warning" });
    } else {
      progress.event({ id, text: "Error", status: "error", detail: messageOf(error) });
      throw error;
    }
  }
}

function ignoring(ignored: (error: unknown) => boolean): (error: unknown) => void {
  return (error) => {
    if (!ignored(error)) throw error;
  };
}

/** Tells a container's line before and after. `act` returns the word for success; undefined: it goes on. */
async function shown(
  { progress }: Performer,
  container: string,
  before: string | undefined,
  act: () => Promise<string | undefined>,
): Promise<void> {
  const id = `Container ${container}`;
  if (before !== undefined) progress.event({ id, text: before, status: "working" });
  try {
    const after = await act();
    if (after !== undefined) progress.event({ id, text: after, status: "done" });
  } catch (error) {
    progress.event({ id, text: "Error", status: "error", detail: messageOf(error) });
    throw error;
  }
}
