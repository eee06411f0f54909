import { notImplemented } from "@berth/base";
import type { LoadedProject } from "../model.ts";
import type { LoadOptions } from "./options.ts";

/** Finds and loads a project. @throws BerthError with Compose's sentence. */
export async function loadProject(_options: LoadOptions): Promise<LoadedProject> {
  throw notImplemented("loading Compose files comes with the next commit");
}
