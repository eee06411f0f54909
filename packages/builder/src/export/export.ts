import type { BuildResult, Exporter } from "@berth/api/build";
import { invalidParameter } from "@berth/base";
import { hostPlatform, platformRank } from "@berth/spec";
import type { BuildScope } from "../solve/scope.ts";
import { layoutArchive } from "./archive.ts";
import { type Artifact, makeArtifact } from "./artifact.ts";
import { blobOptions } from "./blobs.ts";
import type { BuiltPlatform } from "./built.ts";
import { filesArchive } from "./files.ts";
import type { ExportImage } from "./image-config.ts";
import type { LayerDigests } from "./layer-digests.ts";
import { writeOutput } from "./output.ts";
import { pushArtifact } from "./push.ts";
import { describeImage, fullName, namesOf, storeImage } from "./store-image.ts";

export type Exported = Pick<BuildResult, "imageId" | "digest" | "exporterResponse">;

/** What the exporters of one build share. */
export interface ExportWork {
  scope: BuildScope;
  built: readonly BuiltPlatform[];
  /** Configurations and layers, found out when the first exporter needs them. */
  images(): Promise<ExportImage[]>;
}

/** Carries out the exporters of a request, one after the other. */
export async function exportResults(work: ExportWork): Promise<Exported> {
  const exported: Exported = { exporterResponse: {} };
  for (const exporter of work.scope.request.exporters ?? []) {
    const one = await exportOne(work, exporter);
    Object.assign(exported, one, {
      exporterResponse: { ...exported.exporterResponse, ...one.exporterResponse },
    });
  }
  return exported;
}

/** `inline`: what `--cache-to type=inline` puts into the configuration. */
export function exportWork(
  scope: BuildScope,
  built: readonly BuiltPlatform[],
  digests: LayerDigests,
  inline: (built: BuiltPlatform) => string | undefined,
): ExportWork {
  let images: Promise<ExportImage[]> | undefined;
  return {
    scope,
    built,
    images() {
      images ??= Promise.all(built.map((each) => describeImage(scope, each, digests, () => inline(each))));
      return images;
    },
  };
}

async function exportOne(work: ExportWork, exporter: Exporter): Promise<Exported> {
  const { type, output } = exporter;
  switch (type) {
    case "image":
      return await exportToStore(work, exporter);
    case "docker":
      return output === undefined ? await exportToStore(work, exporter) : await exportArchive(work, exporter);
    case "oci":
      return await exportArchive(work, exporter);
    case "local":
    case "tar": {
      const split =
        work.built.length > 1
          ? exporter.attributes["platform-split"] !== "false"
          : exporter.attributes["platform-split"] === "true";
      const name = type === "local" ? "exporting to client directory" : "exporting to client tarball";
      return await work.scope.steps.run(name, async () => {
        await writeOutput(output, filesArchive(work.scope, work.built, split), work.scope.signal);
        return { exporterResponse: {} };
      });
    }
    default:
      throw invalidParameter(`exporter ${JSON.stringify(type)} could not be found`);
  }
}

async function exportToStore(work: ExportWork, exporter: Exporter): Promise<Exported> {
  const { scope, built } = work;
  const { attributes } = exporter;
  const names = namesOf(attributes.name);
  return await scope.steps.run("exporting to image", async (step) => {
    step.status("exporting layers", 0, 0);
    const images = await work.images();
    step.status("exporting layers", 0, 0, true);
    // The names go to the image that this machine can run.
    const own = Math.max(
      0,
      built.findIndex(({ platform }) => platformRank(hostPlatform(), platform) >= 0),
    );
    let imageId: Exported["imageId"];
    for (const [index, image] of images.entries()) {
      const id = await storeImage(scope, image, index === own ? names : [], step);
      if (index === own) imageId = id;
    }
    if (imageId === undefined) throw invalidParameter("there is nothing to export");
    let digest = imageId;
    let descriptor: Record<string, string> = {};
    if (attributes.push === "true") {
      if (names.length === 0) throw invalidParameter("tag is needed when pushing to registry");
      const artifact = await artifactOf(work, exporter, true);
      for (const name of names) digest = await pushArtifact(scope, artifact, name, step);
      descriptor = descriptorOf(artifact);
    }
    return {
      imageId,
      digest,
      exporterResponse: { ...responseOf(digest, imageId, names.map(fullName)), ...descriptor },
    };
  });
}

async function exportArchive(work: ExportWork, exporter: Exporter): Promise<Exported> {
  const { scope } = work;
  const isDocker = exporter.type === "docker";
  const names = namesOf(exporter.attributes.name);
  const label = isDocker ? "exporting to docker image format" : "exporting to oci image format";
  return await scope.steps.run(label, async (step) => {
    step.status("exporting layers", 0, 0);
    const artifact = await artifactOf(work, exporter, isDocker);
    step.status("exporting layers", 0, 0, true);
    const { descriptor } = artifact.root;
    step.status(`exporting manifest ${descriptor.digest}`, 0, 0, true);
    if (isDocker && artifact.images.length > 1) {
      throw invalidParameter("docker exporter does not currently support exporting manifest lists", {
        hint: "Use type=oci.",
      });
    }
    const archive = layoutArchive(scope, artifact, names, isDocker);
    step.status("sending tarball", 0, 0);
    await writeOutput(exporter.output, archive, scope.signal);
    step.status("sending tarball", 0, 0, true);
    const config = artifact.images[0]?.config.descriptor.digest;
    return {
      digest: descriptor.digest,
      ...(config !== undefined && { imageId: config }),
      exporterResponse: {
        ...responseOf(descriptor.digest, config, names.map(fullName)),
        ...descriptorOf(artifact),
      },
    };
  });
}

async function artifactOf(work: ExportWork, exporter: Exporter, docker: boolean): Promise<Artifact> {
  const options = blobOptions(exporter.attributes, docker);
  return await makeArtifact(work.scope, work.built, await work.images(), exporter.attributes, options);
}

function descriptorOf({ root }: Artifact): Record<string, string> {
  return { "containerimage.descriptor": Buffer.from(JSON.stringify(root.descriptor)).toString("base64") };
}

function responseOf(
  digest: string,
  config: string | undefined,
  names: readonly string[],
): Record<string, string> {
  return {
    "containerimage.digest": digest,
    ...(config !== undefined && { "containerimage.config.digest": config }),
    ...(names.length > 0 && { "image.name": names.join(",") }),
  };
}
