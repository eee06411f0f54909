import type { ProgressMessage } from "@berth/api";
import { invalidParameter } from "@berth/base";
import type { ImageContext } from "../context.ts";
import { MessageChannel } from "../progress.ts";
import type { BootstrapOptions } from "../store.ts";
import { bootstrapBusybox } from "./busybox.ts";
import { bootstrapDebian, debianRecipe } from "./debian.ts";
import { bootstrapRegistry, isRegistryName } from "./registry.ts";

export interface BootstrapTask {
  context: ImageContext;
  options: BootstrapOptions;
  signal: AbortSignal;
  send: (message: ProgressMessage) => void;
}

/**
 * Makes an image from Debian's packages, with the host's tools and package sources; no registry is needed.
 * `name`: `busybox`, `registry`, `debian`, `debian:SUITE`, `debian:SUITE-slim`.
 * @throws invalid-parameter for another name; system, with a hint, when a tool is missing or fails.
 */
export async function* bootstrapImage(
  context: ImageContext,
  name: string,
  options: BootstrapOptions,
  signal: AbortSignal,
): AsyncGenerator<ProgressMessage> {
  const recipe = recipeFor(name);
  const channel = new MessageChannel<ProgressMessage>();
  const stop = new AbortController();
  const task: BootstrapTask = {
    context,
    options,
    signal: AbortSignal.any([signal, stop.signal]),
    send: channel.send,
  };
  try {
    yield* channel.while(recipe(task));
  } finally {
    stop.abort();
  }
}

function recipeFor(name: string): (task: BootstrapTask) => Promise<void> {
  if (name === "busybox" || name === "busybox:latest") return bootstrapBusybox;
  if (isRegistryName(name)) return bootstrapRegistry;
  const debian = debianRecipe(name);
  if (debian !== undefined) return (task) => bootstrapDebian(task, debian);
  throw invalidParameter(`cannot bootstrap ${JSON.stringify(name.slice(0, 200))}`, {
    hint: "Known are busybox, registry, debian, debian:SUITE and debian:SUITE-slim (for example debian:bookworm).",
  });
}
