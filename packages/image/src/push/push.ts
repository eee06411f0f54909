import type { ProgressMessage } from "@berth/api";
import { notImplemented } from "@berth/base";
import type { ImageContext } from "../context.ts";
import type { PushOptions } from "../store.ts";

// biome-ignore lint/correctness/useYield: for now
export async function* pushImages(
  _context: ImageContext,
  _options: PushOptions,
  _signal: AbortSignal,
): AsyncGenerator<ProgressMessage> {
  throw notImplemented("pushing to a registry is not supported by this daemon yet");
}
