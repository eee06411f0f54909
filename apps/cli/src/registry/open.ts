import { BerthError } from "@berth/base";
import {
  createRegistryClient,
  type Document,
  RegistryError,
  type Repository,
  type Selector,
} from "@berth/registry";
import { formatReference, parseReference, type Reference, withDefaultTag } from "@berth/spec";
import { findCredentials } from "../config/registry-auth.ts";
import type { Context } from "../context.ts";
import { CommandError } from "../errors.ts";

const CERTIFICATES = ["/etc/docker/certs.d", "/etc/containerd/certs.d"];
const ATTEMPTS = 3;

/** An image's name as it was meant: with a tag or a digest. @throws CommandError */
export function parseImageName(text: string): Reference {
  return withDefaultTag(parseReference(text));
}

export function selectorOf(reference: Reference): Selector {
  return reference.digest === undefined ? { tag: reference.tag! } : { digest: reference.digest };
}

/** Registries as this process reaches them: with the user's credentials, and with no daemon in between. */
export class Registries {
  readonly #context: Context;
  readonly #client;
  readonly #insecure: Set<string>;
  readonly #repositories = new Map<string, Repository>();
  /** Ends with the process: a command that is interrupted has nothing to undo here. */
  readonly signal: AbortSignal = new AbortController().signal;

  /** `insecure`: domains that may be spoken to without TLS, or with a certificate that nobody vouches for. */
  constructor(context: Context, insecure: readonly string[] = []) {
    this.#context = context;
    this.#insecure = new Set(insecure);
    this.#client = createRegistryClient(() => ({
      mirrors: [],
      insecure: [...this.#insecure],
      certificates: CERTIFICATES,
      userAgent: `Berth-Client/${process.env.BERTH_VERSION ?? "0.1.0"} (linux)`,
      attempts: ATTEMPTS,
    }));
  }

  repository({ domain, path }: Pick<Reference, "domain" | "path">): Repository {
    const key = `${domain}/${path}`;
    const known = this.#repositories.get(key);
    if (known !== undefined) return known;
    const made = this.#client.repository(
      { domain, path },
      {
        credentials: {
          find: async (asked) => {
            const found = await findCredentials(this.#context, asked);
            if (found === undefined) return undefined;
            const { username, password, identitytoken, registrytoken } = found;
            return {
              ...(username !== undefined && { username }),
              ...(password !== undefined && { password }),
              ...(identitytoken !== undefined && { identityToken: identitytoken }),
              ...(registrytoken !== undefined && { registryToken: registrytoken }),
            };
          },
        },
      },
    );
    this.#repositories.set(key, made);
    return made;
  }

  /** @returns undefined when the registry has no such manifest. */
  async find(reference: Reference): Promise<Document | undefined> {
    try {
      return await this.repository(reference).fetchManifest(selectorOf(reference), this.signal);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error instanceof BerthError
        ? new CommandError(`${formatReference(reference)}: ${error.message}`, 1, { cause: error })
        : error;
    }
  }
}

/** True for the answer of a registry that lacks the manifest, or (as most say it) the repository. */
export function isMissing(error: unknown): boolean {
  return error instanceof RegistryError && error.status === 404;
}
