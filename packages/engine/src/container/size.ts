import type { EngineContext } from "../context.ts";
import type { Container } from "./container.ts";

/** Bytes of the writable layer, and of the whole root filesystem. */
export async function containerSizes(
  engine: EngineContext,
  container: Container,
): Promise<{ writable: number; rootfs: number }> {
  let layers = 0;
  for (const chainId of container.record.chain) {
    if (engine.snapshots.has(chainId)) layers += engine.snapshots.layerSize(chainId);
  }
  // A container that is being made or removed has no layer.
  const writable = await engine.snapshots.writableSize(container.id).catch(() => 0);
  return { writable, rootfs: layers + writable };
}
