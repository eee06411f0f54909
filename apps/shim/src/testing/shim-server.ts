import { shimServerMain } from "../main.ts";

shimServerMain(process.argv.slice(2));
