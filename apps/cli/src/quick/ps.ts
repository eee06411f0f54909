import command from "../commands/container/ls.ts";
import { quickly } from "./quick.ts";

export const main = quickly("ps", command);
