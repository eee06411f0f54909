import command from "../commands/container/exec.ts";
import { quickly } from "./quick.ts";
import "../streams/signals.ts";

export const main = quickly("exec", command);
