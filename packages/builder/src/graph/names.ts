import { formatPlatform, type Platform, parsePlatform } from "@berth/spec";
import type { Heredoc } from "../parse/statement.ts";
import { expand, type Variables } from "../shell/expand.ts";
import type { VariableList } from "./variables.ts";

/** Numbers the steps of one stage and names them as BuildKit does: `[linux/amd64 build 2/5] RUN make`. */
export class StepNames {
  readonly #stage: string;
  readonly #multiPlatform: boolean;
  #index = 0;
  total = 0;

  constructor(stage: string, multiPlatform: boolean) {
    this.#stage = stage;
    this.#multiPlatform = multiPlatform;
  }

  next(
    text: string,
    platform: Platform,
    options: { variables?: VariableList; onbuild?: boolean } = {},
  ): string {
    if (this.total === 0) return text;
    this.#index++;
    const parts: string[] = [];
    if (this.#multiPlatform) parts.push(formatPlatform(platform) + crossTarget(platform, options.variables));
    if (this.#stage !== "") parts.push(this.#stage);
    const width = 1 + Math.floor(Math.log10(this.total));
    parts.push(`${String(this.#index).padStart(width)}/${this.total}`);
    return `[${parts.join(" ")}] ${options.onbuild ? "ONBUILD " : ""}${text}`;
  }
}

/** `->arm64` when the stage's variables say that it compiles for another machine. */
function crossTarget(base: Platform, variables: VariableList | undefined): string {
  const text = variables?.get("TARGETPLATFORM");
  let target: Platform | undefined;
  if (text !== undefined && text !== "") {
    try {
      target = parsePlatform(text, base);
    } catch {
      return "";
    }
  } else {
    const architecture = variables?.get("TARGETARCH");
    if (!architecture) return "";
    const variant = variables?.get("TARGETVARIANT");
    target = {
      os: variables?.get("TARGETOS") || base.os,
      architecture,
      ...(variant && { variant }),
    };
  }
  if (target.os !== base.os) return `->${formatPlatform(target)}`;
  if (target.architecture === base.architecture) return "";
  return `->${[target.architecture, target.variant].filter((part) => part).join("/")}`;
}

/** The instruction with its keyword in capitals and its variables expanded, as far as that goes. */
export function displayText(code: string, variables: Variables, escapeToken: string, shell = false): string {
  let text = code;
  try {
    text = expand(code, variables, { escapeToken, ...(shell && { rawQuotes: true, keepUnset: true }) }).value;
  } catch {
    // Shown as written: what is wrong with it is said elsewhere.
  }
  return text.replace(/^\S+/, (keyword) => keyword.toUpperCase());
}

/** First line of a heredoc, for the step's name. */
export function heredocSummary(heredoc: Heredoc): string {
  const lines = heredoc.content.trim().split(/\r?\n/);
  return ` (${lines[0]}${lines.length > 1 ? "..." : ""})`;
}
