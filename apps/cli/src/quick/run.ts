import command from "../commands/container/run.ts";
import { quickly } from "./quick.ts";

export const main = quickly("run", command);
