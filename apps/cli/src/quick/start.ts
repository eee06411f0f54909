import command from "../commands/container/start.ts";
import { quickly } from "./quick.ts";
import "../streams/signals.ts";

export const main = quickly("start", command);
