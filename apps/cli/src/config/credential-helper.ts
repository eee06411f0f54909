import { CommandError } from "../errors.ts";

/** What a credential helper keeps for one registry; the user `<token>` means that the secret is an identity token. */
export interface HelperCredentials {
  Username: string;
  Secret: string;
}

const NAME = /^[\w.-]{1,64}$/;
/** What helpers say, with a status other than 0, about a registry that they do not know. */
const UNKNOWN = "credentials not found in native keychain";
/** More is no answer of a helper. */
const MOST_ANSWER = 1024 * 1024;

/**
 * The protocol of `docker-credential-*` programs: a verb as argument, the registry or JSON on stdin, JSON on stdout, and
 * errors on stdout too.
 * @throws CommandError in Docker's words
 */
export class CredentialHelper {
  readonly #program: string;
  readonly #environment: Readonly<Record<string, string | undefined>>;

  constructor(name: string, environment: Readonly<Record<string, string | undefined>>) {
    if (!NAME.test(name)) throw new CommandError(`bad name of a credential helper: ${JSON.stringify(name)}`);
    this.#program = `docker-credential-${name}`;
    this.#environment = environment;
  }

  /** undefined when the helper knows none. */
  async get(registry: string): Promise<HelperCredentials | undefined> {
    const { text, failure } = await this.#run("get", registry);
    if (failure !== undefined) {
      if (text === UNKNOWN) return undefined;
      throw new CommandError(`error getting credentials - err: ${failure}, out: \`${text}\``);
    }
    const answer = this.#decode(text);
    if (typeof answer.Username !== "string" || typeof answer.Secret !== "string") {
      throw new CommandError(`error getting credentials - ${this.#program} told neither user nor secret`);
    }
    return { Username: answer.Username, Secret: answer.Secret };
  }

  async store(registry: string, { Username, Secret }: HelperCredentials): Promise<void> {
    const input = `${JSON.stringify({ ServerURL: registry, Username, Secret })}\n`;
    const { text, failure } = await this.#run("store", input);
    if (failure !== undefined)
      throw new CommandError(`error storing credentials - err: ${failure}, out: \`${text}\``);
  }

  /** Fine when there is nothing to erase. */
  async erase(registry: string): Promise<void> {
    const { text, failure } = await this.#run("erase", registry);
    if (failure !== undefined && text !== UNKNOWN) {
      throw new CommandError(`error erasing credentials - err: ${failure}, out: \`${text}\``);
    }
  }

  /** The registries that it knows. */
  async list(): Promise<string[]> {
    const { text, failure } = await this.#run("list", "unused");
    if (failure !== undefined)
      throw new CommandError(`error listing credentials - err: ${failure}, out: \`${text}\``);
    return Object.keys(this.#decode(text));
  }

  #decode(text: string): Record<string, unknown> {
    try {
      const value: unknown = JSON.parse(text);
      if (typeof value === "object" && value !== null && !Array.isArray(value))
        return value as Record<string, unknown>;
    } catch {
      // Told below.
    }
    throw new CommandError(`error getting credentials - ${this.#program} did not answer a JSON object`);
  }

  async #run(verb: string, input: string): Promise<{ text: string; failure: string | undefined }> {
    const program = Bun.which(this.#program, { PATH: this.#environment.PATH ?? "" });
    if (program === null) {
      return { text: "", failure: `exec: "${this.#program}": executable file not found in $PATH` };
    }
    try {
      const child = Bun.spawn([program, verb], {
        stdin: Buffer.from(input),
        stdout: "pipe",
        stderr: "inherit",
        env: this.#environment as Record<string, string>,
        maxBuffer: MOST_ANSWER,
      });
      const text = (await new Response(child.stdout).text()).trim();
      const status = await child.exited;
      if (status === 0) return { text, failure: undefined };
      const failure = child.signalCode === null ? `exit status ${status}` : `signal: ${child.signalCode}`;
      return { text: text.slice(0, 4096), failure };
    } catch (error) {
      return { text: "", failure: (error as Error).message };
    }
  }
}
