import { bool, file, list, string } from "./flags/types.ts";

/** Flags before the command's name. */
export const GLOBAL_FLAGS = {
  config: string("Folder with config.json and contexts", { values: "folder" }),
  context: string("Context that names the daemon (instead of DOCKER_HOST and the current context)", {
    shorthand: "c",
    values: "context",
  }),
  debug: bool("Tell every request to the daemon on stderr", { shorthand: "D" }),
  host: list("Socket of the daemon: unix://, tcp://, ssh://", { shorthand: "H" }),
  "log-level": string('Least level of messages ("debug", "info", "warn", "error", "fatal")', {
    shorthand: "l",
    default: "info",
    values: ["debug", "info", "warn", "error", "fatal"],
  }),
  tls: bool("Use TLS; implied by --tlsverify"),
  tlscacert: file("Trust only certificates signed by this authority"),
  tlscert: file("Our certificate"),
  tlskey: file("The key of our certificate"),
  tlsverify: bool("Use TLS, and check the daemon's certificate"),
  version: bool("Print the version and quit", { shorthand: "v" }),
};

const LOG_LEVELS = ["trace", "debug", "info", "warn", "warning", "error", "fatal", "panic"];

export function isLogLevel(text: string): boolean {
  return LOG_LEVELS.includes(text.toLowerCase());
}
