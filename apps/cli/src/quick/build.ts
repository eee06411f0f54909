import command from "../commands/image/build.ts";
import { quickly } from "./quick.ts";

export const main = quickly("build", command);
