import type { ImageSummary } from "@berth/api";
import type { RowFields, RowKind } from "../../format/rows.ts";
import { humanSize, humanSize4 } from "../../format/sizes.ts";
import { shortId } from "../../format/text.ts";
import { ago, goTime } from "../../format/times.ts";

export const IMAGE_ROW: RowKind = {
  type: "*formatter.imageContext",
  headers: {
    ID: "IMAGE ID",
    Repository: "REPOSITORY",
    Tag: "TAG",
    Digest: "DIGEST",
    CreatedSince: "CREATED",
    CreatedAt: "CREATED AT",
    Size: "SIZE",
    Containers: "CONTAINERS",
    VirtualSize: "VIRTUAL SIZE",
    SharedSize: "SHARED SIZE",
    UniqueSize: "UNIQUE SIZE",
  },
};

/** One of an image's names. Empty parts show as `<none>`. */
export interface ImageName {
  repository: string;
  tag: string;
  digest: string;
}

const NONE = "<none>";

/** What the formats of `images` can name. */
export function imageRow(image: ImageSummary, name: ImageName, truncate: boolean): RowFields {
  const known = (size: number) => (size === -1 ? "N/A" : humanSize4(size));
  return {
    Containers: () => (image.Containers === -1 ? "N/A" : String(image.Containers)),
    CreatedAt: () => goTime(image.Created),
    CreatedSince: () => (image.Created === 0 ? "" : ago(image.Created)),
    Digest: name.digest || NONE,
    ID: truncate ? shortId(image.Id) : image.Id,
    Repository: name.repository || NONE,
    SharedSize: () => known(image.SharedSize),
    Size: () => humanSize(image.Size),
    Tag: name.tag || NONE,
    UniqueSize: () =>
      image.Size === -1 || image.SharedSize === -1 ? "N/A" : humanSize4(image.Size - image.SharedSize),
    VirtualSize: () => humanSize4(image.Size),
  };
}

/**
 * The names under which an image is shown, one row each: its tags, and repositories that only a digest ties to it.
 * `digests`: a row for every pair of tag and digest of a repository.
 */
export function imageNames(image: ImageSummary, digests: boolean): ImageName[] {
  const tagsOf = group(image.RepoTags ?? [], (text) => {
    const at = text.lastIndexOf(":");
    return [text.slice(0, at), text.slice(at + 1)];
  });
  const digestsOf = group(image.RepoDigests ?? [], (text) => {
    const at = text.lastIndexOf("@");
    return [text.slice(0, at), text.slice(at + 1)];
  });
  const names: ImageName[] = [];
  for (const [repository, tags] of tagsOf) {
    const known = digests ? (digestsOf.get(repository) ?? []) : [];
    for (const tag of tags) {
      for (const digest of known.length === 0 ? [""] : known) names.push({ repository, tag, digest });
    }
  }
  for (const [repository, known] of digestsOf) {
    if (tagsOf.has(repository)) continue;
    for (const digest of digests ? known : [""]) names.push({ repository, tag: "", digest });
  }
  return names.length === 0 ? [{ repository: "", tag: "", digest: "" }] : names;
}

/** Values by key; daemons before API 1.43 tell `<none>:<none>` for no name. */
function group(texts: readonly string[], split: (text: string) => [string, string]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const text of texts) {
    const [key, value] = split(text);
    if (key === NONE) continue;
    groups.set(key, [...(groups.get(key) ?? []), value]);
  }
  return groups;
}
