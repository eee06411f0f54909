import command from "../commands/image/ls.ts";
import { quickly } from "./quick.ts";

export const main = quickly("images", command);
