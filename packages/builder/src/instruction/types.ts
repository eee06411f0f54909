import type { ImageRuntimeConfig } from "@berth/spec";
import type { SourceRange } from "../graph/operation.ts";
import type { Heredoc } from "../parse/statement.ts";

/** What every instruction has. */
interface Common {
  /** As written: `RUN`, `run`. */
  keyword: string;
  /** The whole instruction in one line, trimmed. */
  code: string;
  range: SourceRange;
  /** Comments directly above. */
  comments: readonly string[];
}

export interface Pair {
  name: string;
  value: string;
}

export interface ArgDefinition {
  name: string;
  value?: string;
}

/** A command in shell or JSON form. */
export interface CommandLine {
  /** One text in the shell form. */
  words: string[];
  /** SHELL goes in front. */
  shellForm: boolean;
}

/** Flags of COPY and ADD, not yet expanded. */
interface Files {
  sources: string[];
  heredocs: Heredoc[];
  destination: string;
  chown: string;
  chmod: string;
  link: boolean;
  excludes: string[];
}

export type Instruction = Common &
  (
    | { type: "arg"; args: ArgDefinition[] }
    | { type: "env" | "label"; pairs: Pair[]; legacy: boolean }
    | { type: "run"; command: CommandLine; heredocs: Heredoc[]; flags: RunFlags }
    | ({ type: "copy"; from: string; parents: boolean } & Files)
    | ({
        type: "add";
        keepGitDir?: boolean;
        unpack?: boolean;
        checksum: string;
      } & Files)
    | { type: "cmd" | "entrypoint"; command: CommandLine }
    | { type: "healthcheck"; health: NonNullable<ImageRuntimeConfig["Healthcheck"]> }
    | { type: "expose"; ports: string[] }
    | { type: "volume"; paths: string[] }
    | { type: "shell"; shell: string[] }
    | { type: "onbuild"; expression: string }
    | { type: "user" | "workdir" | "stopsignal" | "maintainer"; value: string }
  );

export interface RunFlags {
  /** Each value of `--mount`, not yet expanded. */
  mounts: string[];
  network: "default" | "none" | "host";
  security: "sandbox" | "insecure";
  devices: { name: string; required: boolean }[];
}

export type InstructionOf<T extends Instruction["type"]> = Extract<Instruction, { type: T }>;

/** One FROM and what follows it. */
export interface Stage {
  /** As written. */
  keyword: string;
  baseName: string;
  /** Lower case; empty without `AS`. */
  name: string;
  /** Value of `--platform`; empty without. */
  platform: string;
  code: string;
  range: SourceRange;
  comments: readonly string[];
  instructions: Instruction[];
}

export interface StagedDockerfile {
  /** ARG before the first FROM. */
  globalArgs: InstructionOf<"arg">[];
  stages: Stage[];
}
