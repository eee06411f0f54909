import type { Scenario } from "../scenario.ts";
import execAndLogs from "./exec-logs.ts";
import images from "./images.ts";
import lifecycle from "./lifecycle.ts";
import networks from "./networks.ts";
import run from "./run.ts";
import system from "./system.ts";
import volumes from "./volumes.ts";

export const SCENARIOS: readonly Scenario[] = [
  ...run,
  ...lifecycle,
  ...execAndLogs,
  ...images,
  ...volumes,
  ...networks,
  ...system,
];
