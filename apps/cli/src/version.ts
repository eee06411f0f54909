/** The form that scripts which call `docker --version` take apart. */
export function versionLine(program: string): string {
  const version = process.env.BERTH_VERSION ?? "0.1.0";
  const commit = process.env.BERTH_COMMIT ?? "unknown";
  return `${program === "docker" ? "Docker" : "Berth"} version ${version}, build ${commit}`;
}

/** `docker` when the executable is called so (by a link), else `berth`. */
export function programName(argv0: string): string {
  return argv0.slice(argv0.lastIndexOf("/") + 1) === "docker" ? "docker" : "berth";
}

/** Whether the executable is called as docker-compose (by a link). */
export function isDockerCompose(argv0: string): boolean {
  return argv0.slice(argv0.lastIndexOf("/") + 1) === "docker-compose";
}
