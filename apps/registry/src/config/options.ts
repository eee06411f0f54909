/**
 * Every setting once: its place in the configuration file (that of Docker's registry where that has it), from which the
 * environment variable follows (`http.addr` → `REGISTRY_HTTP_ADDR`), and its flag.
 */
import { AUTH } from "./options/auth.ts";
import { HTTP } from "./options/http.ts";
import type { Option } from "./options/option.ts";
import { OTHER } from "./options/other.ts";
import { STORAGE } from "./options/storage.ts";

export const OPTIONS = { ...HTTP, ...STORAGE, ...AUTH, ...OTHER } as const;

export type Config = {
  -readonly [Key in keyof typeof OPTIONS]: (typeof OPTIONS)[Key] extends Option<infer T> ? T : never;
};

export const OPTION_LIST = Object.entries(OPTIONS) as [keyof Config, Option<unknown>][];

export function environmentName(path: string): string {
  return `REGISTRY_${path.replaceAll(".", "_").toUpperCase()}`;
}
