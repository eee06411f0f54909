import command from "../commands/container/exec.ts";
import { quickly } from "./quick.ts";

export const main = quickly("exec", command);
