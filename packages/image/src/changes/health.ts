import type { HealthConfig } from "@berth/api";
import { invalidParameter } from "@berth/base";
import { parseGoDuration } from "@berth/spec";
import { parseExecForm } from "./parse.ts";

const MINIMUM = 1_000_000;

/** What follows HEALTHCHECK: `NONE`, or options and `CMD …`. @throws invalid-parameter with Docker's sentences. */
export function parseHealthcheck(text: string): HealthConfig {
  const health: HealthConfig = {};
  const rest = takeOptions(text, health);
  const match = /^(\S*)\s*(.*)$/s.exec(rest)!;
  const type = match[1]!.toUpperCase();
  const command = match[2]!;
  if (type === "NONE") {
    if (command !== "") throw invalidParameter("HEALTHCHECK NONE takes no arguments");
    return { Test: ["NONE"] };
  }
  if (type !== "CMD") throw invalidParameter(`Unknown type ${JSON.stringify(type)} in HEALTHCHECK (try CMD)`);
  const exec = parseExecForm(command);
  if (command === "" || exec?.length === 0) throw invalidParameter("Missing command after HEALTHCHECK CMD");
  return { Test: exec === undefined ? ["CMD-SHELL", command] : ["CMD", ...exec], ...health };
}

const DURATIONS = {
  interval: "Interval",
  timeout: "Timeout",
  "start-period": "StartPeriod",
  "start-interval": "StartInterval",
} as const;

/** Reads the `--name=value` words in front; gives back what follows them. */
function takeOptions(text: string, health: HealthConfig): string {
  let rest = text;
  for (;;) {
    const match = /^--([^\s=]*)(?:=(\S*))?\s*/.exec(rest);
    if (match === null) return rest;
    rest = rest.slice(match[0].length);
    const name = match[1]!;
    const value = match[2];
    if (name !== "retries" && !Object.hasOwn(DURATIONS, name))
      throw invalidParameter(`Unknown flag: ${name}`);
    if (value === undefined) throw invalidParameter(`Missing a value on flag: ${name}`);
    if (name === "retries") {
      if (!/^[+-]?\d{1,9}$/.test(value)) {
        throw invalidParameter(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
      }
      const retries = Number(value);
      if (retries < 0) throw invalidParameter(`--retries must be at least 1 (not ${retries})`);
      if (retries > 0) health.Retries = retries;
      continue;
    }
    const duration = parseGoDuration(value);
    if (duration === 0) continue;
    if (duration < MINIMUM)
      throw invalidParameter(`Interval ${JSON.stringify(name)} cannot be less than 1ms`);
    health[DURATIONS[name as keyof typeof DURATIONS]] = duration;
  }
}
