import type { BuildResult, Exporter } from "@berth/api/build";
import { invalidParameter, sha256 } from "@berth/base";
import { hostPlatform, parseReference, platformRank } from "@berth/spec";
import { parseBool } from "../parse/directives.ts";
import type { BuildScope } from "../solve/scope.ts";
import { layoutArchive } from "./archive.ts";
import { type Artifact, annotationsOf, makeArtifact } from "./artifact.ts";
import { blobOptions } from "./blobs.ts";
import { type BuiltPlatform, makesImage } from "./built.ts";
import { filesArchive } from "./files.ts";
import { flagOf } from "./flag.ts";
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

/** Names that no image can have are told before anything is built. @throws invalid-parameter */
export function checkNames(exporters: readonly Exporter[]): void {
  for (const exporter of exporters) if (makesImage(exporter)) namesOf(exporter.attributes.name);
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
      const split = flagOf(exporter.attributes, "platform-split", isMulti(work));
      const name = type === "local" ? "exporting to client directory" : "exporting to client tarball";
      return await work.scope.steps.run(name, async () => {
        const files = filesArchive(work, exporter.attributes, split);
        await writeOutput(output, files, work.scope.signal);
        return { exporterResponse: {} };
      });
    }
    default:
      throw invalidParameter(`exporter ${JSON.stringify(type)} could not be found`);
  }
}

/** `BUILDKIT_MULTI_PLATFORM` asks for the form of several platforms also for one. */
export function isMulti({ built, scope }: Pick<ExportWork, "built" | "scope">): boolean {
  const asked = scope.request.buildArgs?.BUILDKIT_MULTI_PLATFORM ?? "";
  return built.length > 1 || parseBool(asked) === true;
}

async function exportToStore(work: ExportWork, exporter: Exporter): Promise<Exported> {
  const { scope, built } = work;
  const { attributes } = exporter;
  const names = namesOf(attributes.name);
  const pushes = flagOf(attributes, "push", false);
  const byDigest = flagOf(attributes, "push-by-digest", false);
  const stores = flagOf(attributes, "store", true);
  const tagged = (attributes.name ?? "").split(",").find((name) => parseTag(name) !== undefined);
  if (byDigest && tagged !== undefined) throw invalidParameter(`can't push tagged ref ${tagged} by digest`);
  return await scope.steps.run("exporting to image", async (step) => {
    step.status("exporting layers", 0, 0);
    if (stores) flushMeanwhile(work);
    const images = await work.images();
    step.status("exporting layers", 0, 0, true);
    // The names go to the image that this machine can run.
    const own = Math.max(
      0,
      built.findIndex(({ platform }) => platformRank(hostPlatform(), platform) >= 0),
    );
    const imageId = sha256((images[own] as ExportImage).bytes);
    for (const [index, image] of images.entries()) {
      if (stores) await storeImage(scope, image, index === own && !byDigest ? names : [], step);
    }
    if (!pushes) {
      if (scope.request.attestations?.sbom !== undefined) {
        step.say(
          "the SBOM is not kept: the image store has no attestations. Push the image, or use type=oci.",
        );
      }
      return {
        imageId,
        digest: imageId,
        exporterResponse: responseOf(imageId, imageId, names.map(fullName)),
      };
    }
    if (names.length === 0) throw invalidParameter("tag is needed when pushing to registry");
    const artifact = await artifactOf(work, exporter, true);
    const insecure = flagOf(attributes, "registry.insecure", false);
    for (const name of names) {
      const digest = await pushArtifact(scope, artifact, name, step, { insecure, byDigest });
      if (stores) scope.context.parts.images.addDigest(imageId, name, digest);
    }
    const { descriptor } = artifact.root;
    const canonical = flagOf(attributes, "name-canonical", false);
    const shown = names.flatMap((name) => [
      ...(byDigest && canonical ? [] : [fullName(name)]),
      ...(canonical ? [`${name.domain}/${name.path}@${descriptor.digest}`] : []),
    ]);
    return {
      imageId,
      digest: descriptor.digest,
      exporterResponse: { ...responseOf(descriptor.digest, imageId, shown), ...descriptorOf(artifact) },
    };
  });
}

/** New layers go to the disk while they are hashed: publishing them waits for that. */
function flushMeanwhile({ scope, built }: ExportWork): void {
  const { context, signal } = scope;
  const isNew = built.some(({ solved }) => solved.results.some(({ boot, diffId }) => boot !== "" && !diffId));
  if (!isNew || signal.aborted) return;
  // Whether it succeeds is told by the one that counts.
  context.parts.snapshots.flush().catch(() => {});
}

function parseTag(name: string): string | undefined {
  return name === "" ? undefined : parseReference(name).tag;
}

function descriptorOf({ root }: Artifact): Record<string, string> {
  return { "containerimage.descriptor": Buffer.from(JSON.stringify(root.descriptor)).toString("base64") };
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
    const entry = annotationsOf(exporter.attributes, "index-descriptor", undefined);
    const archive = layoutArchive(scope, artifact, names, {
      docker: isDocker,
      ...(entry && { annotations: entry }),
    });
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
  return await makeArtifact(
    work.scope,
    work.built,
    await work.images(),
    exporter.attributes,
    options,
    isMulti(work),
  );
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
