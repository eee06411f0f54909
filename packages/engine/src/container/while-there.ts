import { notFound } from "@berth/base";
import type { EngineContext } from "../context.ts";
import type { Container } from "./container.ts";

/** `work` on a container's files. When it fails because the container was removed meanwhile, that is what is told. @throws not-found */
export async function whileThere<T>(
  engine: EngineContext,
  container: Container,
  reference: string,
  work: Promise<T>,
): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const isGone = container.state.removing || engine.containers.find(container.id) === undefined;
    throw isGone ? notFound(`No such container: ${reference}`, { cause: error }) : error;
  }
}
