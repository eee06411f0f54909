import { type Client, containerWait, type WaitCondition } from "@berth/client";
import type { Context } from "../context.ts";

/**
 * Registers a wait for a container's end.
 * @returns `status`: the exit status; 125, after a word about it, when waiting failed.
 */
export async function awaitExit(
  context: Context,
  client: Client,
  container: string,
  condition: WaitCondition | undefined,
): Promise<{ status: Promise<number> }> {
  const { exit } = await containerWait(client, container, condition === undefined ? {} : { condition });
  const status = (async () => {
    try {
      const { StatusCode, Error: failure } = await exit;
      if (!failure?.Message) return StatusCode;
      await context.stderr.write(`Error waiting for container: ${failure.Message}\n`);
    } catch (error) {
      await context.stderr.write(`error waiting for container: ${(error as Error).message}\n`);
    }
    return 125;
  })();
  return { status };
}
