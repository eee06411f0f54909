import type { Client } from "@berth/client";
import type { ComposeOptions } from "./compose/flags.ts";
import type { Configuration } from "./config/config-file.ts";
import type { Output } from "./io/output.ts";
import type { Input } from "./io/stdin.ts";

/** What was said before the command's name. */
export interface GlobalOptions {
  /** Folder of config.json and contexts; undefined: the default one. */
  config: string | undefined;
  context: string | undefined;
  hosts: readonly string[];
  debug: boolean;
  tls: boolean;
  tlsVerify: boolean | undefined;
  tlsCaCert: string | undefined;
  tlsCert: string | undefined;
  tlsKey: string | undefined;
}

/** What a command works with. */
export interface Context {
  /** As we were called: `berth`, or `docker`. */
  readonly program: string;
  /** The command as it was called: `ps`, `container ls`. */
  readonly called: string;
  readonly options: GlobalOptions;
  /** What was said between `compose` and its command; undefined for other commands. */
  readonly compose?: ComposeOptions;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  /** The daemon to talk to; made at the first call. @throws CommandError when the configuration is wrong. */
  client(): Promise<Client>;
  /** config.json. */
  configuration(): Promise<Configuration>;
  /** Whether one of our standard streams is a terminal. */
  isTerminal(fd: number): Promise<boolean>;
}
