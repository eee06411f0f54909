import { isKind, messageOf } from "@berth/base";
import { runJob, workerErrorCode } from "../index.ts";
import { WORKER } from "./scratch.ts";

/** Applies stdin to the folder in the first argument and says what went wrong. */
try {
  const folder = process.argv[2] as string;
  await runJob({ job: "apply", folder, whiteouts: "overlay" }, { stdin: 0, command: WORKER });
} catch (error) {
  console.log(`${isKind(error, "system") ? "system" : "?"} ${workerErrorCode(error)} ${messageOf(error)}`);
}
