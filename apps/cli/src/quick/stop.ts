import command from "../commands/container/stop.ts";
import { quickly } from "./quick.ts";

export const main = quickly("stop", command);
