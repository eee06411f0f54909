import type { RegistryAuth } from "@berth/api";
import { invalidParameter } from "@berth/base";
import type { ImageStore } from "@berth/image";
import type { Login, RegistryClient, RegistrySettings } from "@berth/registry";
import type { Backends, DistributionInfo, PullOptions, PushOptions } from "@berth/server";
import {
  DEFAULT_DOMAIN,
  isManifest,
  MAX_CONFIG_BYTES,
  type Manifest,
  parseImageConfig,
  parseReference,
  withDefaultTag,
} from "@berth/spec";
import { VERSION } from "../build-info.ts";
import type { DaemonConfig } from "../config/options.ts";

/** Where certificates for registries are looked for; Docker's own are taken too. */
const CERTIFICATES = ["/etc/berth/certs.d", "/etc/docker/certs.d"];

export function registrySettings(config: DaemonConfig): RegistrySettings {
  return {
    mirrors: config.registryMirrors,
    insecure: config.insecureRegistries,
    certificates: CERTIFICATES,
    userAgent: `berth/${VERSION} (linux)`,
    attempts: Math.max(1, config.maxDownloadAttempts),
  };
}

/** Zero means no limit, as in Docker. */
export function transferLimits(config: DaemonConfig) {
  const limit = (value: number) => (value === 0 ? 1000 : value);
  return {
    downloads: limit(config.maxConcurrentDownloads),
    uploads: limit(config.maxConcurrentUploads),
    attempts: Math.max(1, config.maxDownloadAttempts),
  };
}

function loginOf(auth: RegistryAuth): Login | undefined {
  const { serverAddress: _, ...login } = auth;
  return Object.keys(login).length === 0 ? undefined : login;
}

/** Pull and push of the image router. */
export function transfers(images: ImageStore): Pick<Backends["images"], "pull" | "push"> {
  const withLogin = <O extends PullOptions | PushOptions>({ auth, ...options }: O) => {
    const login = loginOf(auth);
    return { ...options, ...(login !== undefined && { login }) };
  };
  return {
    pull: (options, signal) => images.pull(withLogin(options), signal),
    push: (options, signal) => images.push(withLogin(options), signal),
  };
}

export function registryBackend(client: RegistryClient): Backends["registry"] {
  return {
    login: async (auth, signal) =>
      await client.login(domainOf(auth.serverAddress), loginOf(auth) ?? {}, signal),

    async search(term, { limit, filters, auth }, signal) {
      const login = loginOf(auth);
      const credentials = login === undefined ? {} : { credentials: { find: () => login } };
      const wanted = (name: string) => truthOf(name, filters.get(name));
      const [official, automated] = [wanted("is-official"), wanted("is-automated")];
      const stars = Math.max(0, ...filters.get("stars").map(starsOf));
      const found = await client.search(term, { limit, ...credentials }, signal);
      return found
        .filter((each) => official === undefined || each.isOfficial === official)
        .filter((each) => automated === undefined || each.isAutomated === automated)
        .filter((each) => each.starCount >= stars)
        .map((each) => ({
          star_count: each.starCount,
          is_official: each.isOfficial,
          name: each.name,
          is_automated: each.isAutomated,
          description: each.description,
        }));
    },

    async distribution(name, auth, signal): Promise<DistributionInfo> {
      const reference = withDefaultTag(parseReference(name));
      const login = loginOf(auth);
      const credentials = { find: (domain: string) => (domain === reference.domain ? login : undefined) };
      const repository = client.repository(reference, { credentials });
      const selector =
        reference.digest === undefined ? { tag: reference.tag! } : { digest: reference.digest };
      const { descriptor, content } = await repository.fetchManifest(selector, signal);
      const platforms = isManifest(content)
        ? [await platformOf(content)]
        : content.manifests.map(({ platform }) => platform ?? { os: "", architecture: "" });
      return {
        Descriptor: { mediaType: descriptor.mediaType, digest: descriptor.digest, size: descriptor.size },
        Platforms: platforms.map(({ os, architecture, variant, osVersion }) => ({
          architecture,
          os,
          ...(variant && { variant }),
          ...(osVersion && { "os.version": osVersion }),
        })),
      };

      async function platformOf({ config }: Manifest) {
        const file = parseImageConfig(await repository.fetchBlob(config, MAX_CONFIG_BYTES, signal));
        const { os, architecture, variant, "os.version": osVersion } = file;
        return { os, architecture, ...(variant && { variant }), ...(osVersion && { osVersion }) };
      }
    },
  };
}

/** `serveraddress`: a host, or a URL; Docker Hub's is `https://index.docker.io/v1/`. */
function domainOf(address: string | undefined): string {
  const host = (address ?? "").replace(/^https?:\/\//, "").split("/")[0]!;
  return host === "" || host === "index.docker.io"
    ? DEFAULT_DOMAIN
    : parseReference(`${host}/x`).domain === host
      ? host
      : fail(host);
}

function fail(host: string): never {
  throw invalidParameter(`invalid registry: ${JSON.stringify(host.slice(0, 200))}`);
}

function truthOf(name: string, values: readonly string[]): boolean | undefined {
  const truths = values.map((value) => {
    if (["1", "true", "True", "TRUE", "t", "T"].includes(value)) return true;
    if (["0", "false", "False", "FALSE", "f", "F"].includes(value)) return false;
    throw invalidParameter(`invalid filter '${name}=${value}'`);
  });
  return truths[0];
}

function starsOf(value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw invalidParameter(`invalid filter 'stars=${value}'`);
  return Number(value);
}
