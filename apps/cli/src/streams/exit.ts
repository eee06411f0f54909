import type { ContainerWaitResponse } from "@berth/api";
import { type Client, containerWait, type WaitCondition } from "@berth/client";
import type { Context } from "../context.ts";

/** The exit status; 125, after a word about it, when waiting failed. */
export async function statusOf(
  context: Context,
  { StatusCode, Error: failure }: ContainerWaitResponse,
): Promise<number> {
  if (!failure?.Message) return StatusCode;
  await context.stderr.write(`Error waiting for container: ${failure.Message}\n`);
  return 125;
}

/** The same when the connection broke. */
export async function notWaited(context: Context, message: string): Promise<number> {
  await context.stderr.write(`error waiting for container: ${message}\n`);
  return 125;
}

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
      return await statusOf(context, await exit);
    } catch (error) {
      return notWaited(context, (error as Error).message);
    }
  })();
  return { status };
}
