import command from "../commands/container/run.ts";
import { quickly } from "./quick.ts";
import "../container-options/proxy-environment.ts";
import "../format/progress.ts";
import "../streams/signals.ts";

export const main = quickly("run", command);
