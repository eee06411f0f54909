/** How a project is found and loaded. */
export interface LoadOptions {
  /** `-f`; empty: COMPOSE_FILE, or the default names in the working directory and its parents. `-`: standard input. */
  files: readonly string[];
  /** `-p`. */
  projectName: string | undefined;
  /** `--project-directory`. */
  projectDirectory: string | undefined;
  /** `--env-file`; empty: COMPOSE_ENV_FILES or `.env`. */
  envFiles: readonly string[];
  /** false: `.env` is not read (COMPOSE_DISABLE_ENV_FILE). */
  standardEnvFile?: boolean;
  /** `--profile`. */
  profiles: readonly string[];
  /** The process's. */
  environment: Readonly<Record<string, string>>;
  /** Absolute. */
  workingDirectory: string;
  readStandardInput?: () => Promise<string>;
  /** Services that are named explicitly: their profiles become active. */
  services?: readonly string[];
  /** `config --no-interpolate`. */
  interpolate?: boolean;
  /** `config --no-normalize`. */
  normalize?: boolean;
  /** `config --no-path-resolution`. */
  resolvePaths?: boolean;
  /** `config --no-consistency`. */
  consistency?: boolean;
  /** false: `env_file` and variables without value are left as they are written. */
  resolveEnvironment?: boolean;
  /** Told of each warning when it arises. */
  onWarning?: (message: string) => void;
  /** Also what no service uses. */
  allResources?: boolean;
}
