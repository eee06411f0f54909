import { workerErrorCode } from "@berth/archive";
import { isKind, notFound, systemError } from "@berth/base";
import { RegistryError } from "@berth/registry";
import { familiarReference, familiarRepository, type Reference } from "@berth/spec";

/** Whether a disk, or a quota, was full: for a write of the daemon, or of a worker. */
export function isOutOfSpace(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    const code = workerErrorCode(at) ?? (at as { code?: unknown }).code;
    if (code === "ENOSPC" || code === "EDQUOT") return true;
  }
  return false;
}

/** Docker's sentences for a pull that a registry refused. */
export function pullError(error: unknown, reference: Reference): unknown {
  if (isKind(error, "unauthorized") && !(error instanceof RegistryError))
    return systemError(error.message, { cause: error });
  if (!(error instanceof RegistryError)) return error;
  const name = familiarRepository(reference);
  const say = (sentence: string) => notFound(`${sentence}: ${error.message}`, { cause: error });
  switch (error.code) {
    case "DENIED":
      return say(`pull access denied for ${name}, repository does not exist or may require 'docker login'`);
    case "MANIFEST_UNKNOWN":
      return say(`manifest for ${familiarReference(reference)} not found`);
    case "NAME_UNKNOWN":
      return say(`repository ${name} not found`);
    default:
      // The user's request was right, and who asked is known: the registry's status is not ours.
      return systemError(error.message, { cause: error });
  }
}
