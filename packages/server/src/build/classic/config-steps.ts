import type { BuildRequest, MadeConfigurations } from "@berth/api/build";
import { sha256 } from "@berth/base";

/**
 * Instructions that only change the configuration. Nobody executes them, so no cache has them: the builder remembers what they came to,
 * and one that comes to the same again is told as cached. What it comes to is all that stands above it in its stage, with what steps
 * left and with the values of arguments.
 */
export class ConfigSteps {
  readonly #made: MadeConfigurations | undefined;
  readonly #request: Pick<BuildRequest, "buildArgs" | "noCache">;
  /** Defaults of arguments in front of the first stage: their instructions, by name. */
  readonly #globals = new Map<string, string>();
  /** What stages came to. */
  readonly #stages = new Map<string, string>();
  #stage = "";
  #at = "";

  constructor(made?: MadeConfigurations, request: Pick<BuildRequest, "buildArgs" | "noCache"> = {}) {
    this.#made = made;
    this.#request = request;
  }

  /** Nothing is remembered: nobody can tell whether a step is new. */
  get isForgetful(): boolean {
    return this.#made === undefined;
  }

  /** An ARG in front of the first stage. */
  global(text: string): void {
    for (const name of argumentsOf(text)) this.#globals.set(name, text);
  }

  /** A stage begins with an image, known by `result`, or with another stage. */
  from(base: string, stage: string, result: string): void {
    this.#at = this.#stages.get(base) ?? result;
    this.#stage = stage;
    this.#keep();
  }

  executed(text: string, result: string): void {
    this.#at = sha256(`${this.#at}\n${text}\n${result}`);
    this.#keep();
  }

  isMade(text: string): boolean {
    return this.#request.noCache !== true && this.#made?.has(this.#with(text)) === true;
  }

  make(text: string): void {
    this.#at = this.#with(text);
    this.#made?.add(this.#at);
    this.#keep();
  }

  #with(text: string): string {
    const { buildArgs = {} } = this.#request;
    const values = /^ARG\s/i.test(text)
      ? argumentsOf(text).map((name) => buildArgs[name] ?? this.#globals.get(name) ?? null)
      : [];
    return sha256(`${this.#at}\n${text}\n${JSON.stringify(values)}`);
  }

  #keep(): void {
    if (this.#stage !== "") this.#stages.set(this.#stage, this.#at);
  }
}

/** Names that an ARG declares. */
function argumentsOf(text: string): string[] {
  return [...text.matchAll(/\s([A-Za-z_]\w*)/g)].map(([, name]) => name as string);
}
