import type { Filters, RegistryAuth } from "@berth/api";

/** A result of `GET /images/search`. */
export interface FoundImage {
  name: string;
  description: string;
  star_count: number;
  is_official: boolean;
  is_automated: boolean;
}

/** `GET /distribution/{name}/json`. */
export interface DistributionInfo {
  Descriptor: { mediaType: string; digest: string; size: number };
  Platforms: { architecture: string; os: string; variant?: string; "os.version"?: string }[];
}

/** What the API asks of registries, besides pulls and pushes. */
export interface RegistryBackend {
  /** @returns an identity token, or an empty text. @throws unauthorized. */
  login(auth: RegistryAuth, signal: AbortSignal): Promise<string>;
  search(
    term: string,
    options: { limit: number; filters: Filters; auth: RegistryAuth },
    signal: AbortSignal,
  ): Promise<FoundImage[]>;
  /** What a name means in its registry. */
  distribution(name: string, auth: RegistryAuth, signal: AbortSignal): Promise<DistributionInfo>;
}
