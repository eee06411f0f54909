import { BerthError, invalidParameter } from "@berth/base";
import type { EngineContext } from "../context.ts";
import { containerEvent } from "./events.ts";
import { renameLinks } from "./links.ts";
import { checkName } from "./names.ts";

/** @throws not-found, invalid-parameter, conflict. */
export async function renameContainer(
  engine: EngineContext,
  reference: string,
  newName: string,
): Promise<void> {
  if (newName === "") throw invalidParameter("Neither old nor new names may be empty");
  const container = engine.containers.get(reference);
  using _held = await container.lock.lock();
  const oldName = container.record.name;
  try {
    // Docker names it with its slash here.
    const name = checkName(newName.startsWith("/") ? newName : `/${newName}`);
    if (name === oldName) {
      throw invalidParameter("Renaming a container with the same name as its current name");
    }
    engine.transaction(() => {
      engine.containers.rename(container, name);
      renameLinks(engine, oldName, name);
    });
  } catch (error) {
    if (!(error instanceof BerthError) || error.message.startsWith("Renaming")) throw error;
    throw new BerthError(error.kind, `Error when allocating new name: ${error.message}`);
  }
  if (container.state.running) engine.networks.rename(container.id, container.record.name);
  containerEvent(engine, container, "rename", { oldName: `/${oldName}` });
}
