import command from "../commands/container/rm.ts";
import { quickly } from "./quick.ts";

export const main = quickly("rm", command);
