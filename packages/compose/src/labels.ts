/**
 * The labels by which every Compose implementation knows a project's things, and with which ours are known to them.
 * Source: what Compose 2.26.1 and docker-compose 1.29.2 write (test/e2e/compose-takeover.test.ts holds us to it).
 */
const PREFIX = "com.docker.compose.";

export const LABEL = {
  project: `${PREFIX}project`,
  service: `${PREFIX}service`,
  /** Counts from 1 inside a service. */
  number: `${PREFIX}container-number`,
  /** `True` or `False`. */
  oneOff: `${PREFIX}oneoff`,
  configHash: `${PREFIX}config-hash`,
  /** Absolute paths, joined by commas. */
  configFiles: `${PREFIX}project.config_files`,
  workingDirectory: `${PREFIX}project.working_dir`,
  environmentFiles: `${PREFIX}project.environment_file`,
  version: `${PREFIX}version`,
  /** `db:service_healthy:true,job:service_completed_successfully:false`: name, condition, restart. */
  dependsOn: `${PREFIX}depends_on`,
  /** Id of the image that the container was made from. */
  image: `${PREFIX}image`,
  /** The container (id, or name) in whose place this one was made. */
  replace: `${PREFIX}replace`,
  slug: `${PREFIX}slug`,
  network: `${PREFIX}network`,
  volume: `${PREFIX}volume`,
  /** Ours: what was copied into the container before it started. */
  filesHash: "berth.compose.files-hash",
} as const;

/** The version of Compose whose behaviour and labels these are. Tools look at it to tell v1 from v2. */
export const COMPOSE_VERSION = "2.26.1";
