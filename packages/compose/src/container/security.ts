import { invalidParameter } from "@berth/base";
import type { Service } from "../model.ts";
import type { Target } from "../target.ts";
import type { SecurityOptions } from "./body.ts";

/** Reads seccomp profiles, which the API takes as text, and understands `systempaths=unconfined`. */
export async function securityOptionsOf(
  target: Pick<Target, "workingDirectory">,
  service: Service,
): Promise<SecurityOptions> {
  const result: SecurityOptions = { options: [], unconfinedPaths: false };
  for (const option of service.security_opt ?? []) {
    if (option === "systempaths=unconfined" || option === "systempaths:unconfined") {
      result.unconfinedPaths = true;
      continue;
    }
    const profile = /^seccomp[=:](.+)$/s.exec(option)?.[1];
    if (
      profile === undefined ||
      profile === "unconfined" ||
      profile === "builtin" ||
      profile.startsWith("{")
    ) {
      result.options.push(option);
      continue;
    }
    result.options.push(`seccomp=${await readProfile(target.workingDirectory, profile)}`);
  }
  return result;
}

async function readProfile(folder: string, path: string): Promise<string> {
  const [{ readFile }, { resolve }] = await Promise.all([import("node:fs/promises"), import("node:path")]);
  const absolute = resolve(folder, path);
  try {
    return JSON.stringify(JSON.parse(await readFile(absolute, "utf8")));
  } catch (error) {
    throw invalidParameter(`opening seccomp profile (${path}) failed: ${(error as Error).message}`);
  }
}
