import { notImplemented } from "@berth/base";
import type { ImageBuilder } from "@berth/compose";
import type { Context } from "../context.ts";

/** Builds images of services. */
export async function buildServices(
  _context: Context,
  _target: Parameters<ImageBuilder["build"]>[0],
  services: Parameters<ImageBuilder["build"]>[1],
  _request: Parameters<ImageBuilder["build"]>[2],
): Promise<void> {
  throw notImplemented(
    `cannot build ${services.map(({ name }) => name).join(", ")}: this client does not build images yet`,
  );
}
