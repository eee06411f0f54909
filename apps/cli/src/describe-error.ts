import { isBerthError, messageOf } from "./error-kinds.ts";
import { CommandError } from "./errors.ts";

/** What is printed for a failure. */
export function describeError(program: string, error: unknown): string {
  if (error instanceof CommandError) return error.message;
  if (isBerthError(error, "ConnectError")) return connectMessage(program, error);
  if (isBerthError(error, "ApiError")) return `Error response from daemon: ${error.message}`;
  const hint = (error as { hint?: string }).hint;
  return hint === undefined ? messageOf(error) : `${messageOf(error)}\n${hint}`;
}

/** A registry elsewhere that is not reached, by the words of Docker's sentence. */
const UNREACHABLE =
  /"https?:\/\/(?!localhost|127\.)[^"\s]+\/v2\/[^"\s]*": .*(no such host|Client\.Timeout|i\/o timeout|connection refused|network is unreachable|no route to host)/;

/** The message, and what to do when it is an image that no registry can be asked for. */
export function whatToDo(program: string, message: string): string {
  if (program === "docker" || !UNREACHABLE.test(message)) return message;
  return `${message}\n\nWithout a registry, images are made of Debian's packages: '${program} image bootstrap busybox' (or debian:bookworm)`;
}

interface ConnectFailure {
  message: string;
  host: string;
  code: string;
}

/** Docker's sentence, because scripts look for it when we are called as docker; with what to do about it. */
function connectMessage(program: string, error: ConnectFailure): string {
  const name = program === "docker" ? "Docker" : "Berth";
  if (error.code === "EACCES" || error.code === "EPERM") {
    return `permission denied while trying to connect to the ${name} daemon socket at ${error.host}`;
  }
  if (error.code === "ESSH") return `error during connect: ${error.message}`;
  if (!["ENOENT", "ECONNREFUSED", "ENOTSOCK", "ENOTDIR"].includes(error.code)) {
    return `error during connect: ${error.message} (${error.host})`;
  }
  const sentence = `Cannot connect to the ${name} daemon at ${error.host}. Is the ${program} daemon running?`;
  return program === "docker" ? sentence : `${sentence}\nTo start it, as root: berth daemon`;
}
