import { notFound } from "@berth/base";
import type { ImageConfigFile, Platform } from "@berth/spec";
import type { GraphOptions } from "./options.ts";

// Images for tests.
export const AMD64: Platform = { os: "linux", architecture: "amd64" };
export const ARM64: Platform = { os: "linux", architecture: "arm64" };
export const DIGEST = `sha256:${"a".repeat(64)}` as const;
const LAYER = `sha256:${"b".repeat(64)}` as const;

/** Images that are there, by familiar name. */
const IMAGES: Readonly<Record<string, Partial<ImageConfigFile>>> = {
  "docker.io/library/base:latest": {
    config: { Env: ["PATH=/bin", "FROM_BASE=1"], User: "me", WorkingDir: "/home", Labels: { l: "1" } },
    history: [{ created_by: "first", created: "2020-01-01T00:00:00Z" }],
  },
  "docker.io/library/trigger:latest": {
    config: { OnBuild: ["COPY --from=tools /t /t", "RUN setup", "ARG X=1"] },
  },
  "docker.io/library/tools:latest": {},
  "docker.io/library/other:1": {},
};

/** Options whose images are those above; `looked` fills with what was asked for. */
export function setup(more: Partial<GraphOptions> = {}): { options: GraphOptions; looked: string[] } {
  const looked: string[] = [];
  const options: GraphOptions = {
    platform: AMD64,
    buildPlatform: AMD64,
    platformIsDefault: true,
    async resolveImageConfig(reference, platform) {
      looked.push(reference);
      const image = IMAGES[reference];
      if (image === undefined) throw notFound(`${reference}: not found`);
      return {
        reference: `${reference}@${DIGEST}`,
        digest: DIGEST,
        config: { ...platform, rootfs: { type: "layers", diff_ids: [LAYER] }, ...image },
      };
    },
    ...more,
  };
  return { options, looked };
}
