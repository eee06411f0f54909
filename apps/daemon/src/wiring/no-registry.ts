import type { ProgressMessage } from "@berth/api";
import { unavailable } from "@berth/base";
import type { PullOptions } from "@berth/server";
import { parseReference } from "@berth/spec";

/** Pulling, for a daemon that reaches no registry. @throws invalid-parameter for a wrong name, else unavailable. */
// biome-ignore lint/correctness/useYield: it fails before its first message, as a pull that finds no registry does.
export async function* pullFromNowhere({ image, tag }: PullOptions): AsyncGenerator<ProgressMessage> {
  const separator = tag.startsWith("sha256:") ? "@" : ":";
  const { domain } = parseReference(tag === "" ? image : `${image}${separator}${tag}`);
  const host = domain === "docker.io" ? "registry-1.docker.io" : domain;
  throw unavailable(
    `Get "https://${host}/v2/": pulling from a registry is not supported by this daemon yet`,
    {
      hint: "Load an image (docker load, docker import) or make one (berth image bootstrap).",
    },
  );
}
