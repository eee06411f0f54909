import type { BuildRequest } from "@berth/api/build";
import type { BuilderParts } from "../parts.ts";
import type { CacheImporter } from "../solve/scope.ts";
import type { Steps } from "../solve/steps.ts";

/** Opens what `--cache-from` names. */
export async function openImporters(
  _parts: BuilderParts,
  _request: BuildRequest,
  _steps: Steps,
  _signal: AbortSignal,
): Promise<CacheImporter[]> {
  return [];
}
