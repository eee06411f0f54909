import type { BuildResult, Exporter } from "@berth/api/build";
import { type Digest, invalidParameter } from "@berth/base";
import type { BuildScope } from "../solve/scope.ts";
import type { BuiltPlatform } from "./built.ts";
import type { ExportImage } from "./image-config.ts";
import type { LayerDigests } from "./layer-digests.ts";
import { describeImage, fullName, namesOf, storeImage } from "./store-image.ts";

type Exported = Pick<BuildResult, "imageId" | "digest" | "exporterResponse">;

/** Carries out the exporters of a request, one after the other. */
export async function exportResults(
  scope: BuildScope,
  built: readonly BuiltPlatform[],
  digests: LayerDigests,
): Promise<Exported> {
  const exported: Exported = { exporterResponse: {} };
  let images: Promise<ExportImage[]> | undefined;
  const describe = () => {
    images ??= Promise.all(built.map((each) => describeImage(scope, each, digests)));
    return images;
  };
  for (const exporter of scope.request.exporters ?? []) {
    Object.assign(exported, await exportOne(scope, exporter, built, describe, exported));
  }
  return exported;
}

async function exportOne(
  scope: BuildScope,
  exporter: Exporter,
  _built: readonly BuiltPlatform[],
  describe: () => Promise<ExportImage[]>,
  before: Exported,
): Promise<Exported> {
  const { type, attributes } = exporter;
  const names = namesOf(attributes.name);
  if (type === "image" || (type === "docker" && exporter.output === undefined)) {
    return await scope.steps.run("exporting to image", async (step) => {
      const images = await describe();
      const [image] = images;
      if (image === undefined) throw invalidParameter("there is nothing to export");
      const id: Digest = await storeImage(scope, image, names, step);
      return {
        imageId: id,
        digest: id,
        exporterResponse: {
          ...before.exporterResponse,
          "containerimage.digest": id,
          "containerimage.config.digest": id,
          ...(names.length > 0 && { "image.name": names.map(fullName).join(",") }),
        },
      };
    });
  }
  throw invalidParameter(`exporter ${JSON.stringify(type)} could not be found`);
}
