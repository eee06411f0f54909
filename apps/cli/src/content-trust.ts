import type { Context } from "./context.ts";
import { CommandError } from "./errors.ts";

interface TrustFlags {
  values: { readonly "disable-content-trust": boolean };
  given(name: "disable-content-trust"): boolean;
}

/**
 * Whoever asks for signatures must not get an image without them.
 * @throws CommandError when the flag, or else `DOCKER_CONTENT_TRUST`, asks for content trust.
 */
export function refuseContentTrust(
  { environment }: Pick<Context, "environment">,
  flags: TrustFlags,
  exitCode = 1,
): void {
  const byFlag = flags.given("disable-content-trust");
  const wanted = byFlag ? !flags.values["disable-content-trust"] : isOn(environment.DOCKER_CONTENT_TRUST);
  if (!wanted) return;
  const what = byFlag ? "--disable-content-trust=false" : "DOCKER_CONTENT_TRUST";
  throw new CommandError(
    `${what}: signatures are not supported; --disable-content-trust goes on without them`,
    exitCode,
  );
}

/** As Docker reads it: what is no boolean means yes. */
function isOn(value = ""): boolean {
  return value !== "" && !/^(0|f|F|false|FALSE|False)$/.test(value);
}
