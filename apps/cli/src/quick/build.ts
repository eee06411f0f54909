import command from "../commands/image/build.ts";
import { quickly } from "./quick.ts";
import "../build/run-build.ts";

export const main = quickly("build", command);
