import { isKind, messageOf } from "@berth/base";
import { RegistryError as Refusal } from "../../client/errors.ts";
import { RegistryError } from "../errors.ts";

/** How a client is told what the other registry answered. */
export function gatewayError(error: unknown): RegistryError {
  if (error instanceof RegistryError) return error;
  const message = `the registry behind this cache: ${messageOf(error)}`;
  if (isKind(error, "unauthorized") || isKind(error, "forbidden"))
    return new RegistryError("DENIED", { message, cause: error });
  if (error instanceof Refusal && error.status === 429)
    return new RegistryError("TOOMANYREQUESTS", { message, cause: error, headers: { "Retry-After": "60" } });
  return new RegistryError("UNAVAILABLE", { status: 502, message, cause: error });
}
