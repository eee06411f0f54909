import { formatReference } from "@berth/spec";
import { command, exactly } from "../../command.ts";
import { CommandError } from "../../errors.ts";
import { string, strings } from "../../flags/types.ts";

/** Pairs that Docker takes. */
const VALID: Readonly<Record<string, string>> = {
  darwin: "386 amd64 arm arm64",
  dragonfly: "amd64",
  freebsd: "386 amd64 arm",
  linux: "386 amd64 arm arm64 mips64 mips64le ppc64le riscv64 s390x",
  netbsd: "386 amd64 arm",
  openbsd: "386 amd64 arm",
  plan9: "386 amd64",
  solaris: "amd64",
  windows: "386 amd64",
};

export default command({
  names: ["manifest annotate"],
  summary: "Say more about an image of a manifest list that is not pushed yet",
  usage: "[OPTIONS] MANIFEST_LIST MANIFEST",
  arguments: exactly(2),
  flags: {
    arch: string("Architecture"),
    os: string("Operating system"),
    "os-features": strings("Features of the operating system"),
    "os-version": string("Version of the operating system"),
    variant: string("Variant of the architecture"),
  },
  async run(context, { values }, [target, image]) {
    const { parseImageName } = await import("../../registry/open.ts");
    const { ListStore } = await import("../../registry/list-store.ts");
    const { orderedPlatform } = await import("../../registry/documents.ts");
    const list = parseImageName(target!);
    const reference = parseImageName(image!);
    const store = new ListStore((await context.configuration()).folder);
    const manifest = await store.get(list, reference);
    if (manifest === undefined) {
      throw new CommandError(
        `manifest for image ${formatReference(reference)} does not exist in ${formatReference(list)}`,
      );
    }
    const before = manifest.Descriptor.platform ?? { architecture: "", os: "" };
    const features = [...(before["os.features"] ?? [])];
    for (const feature of values["os-features"]) if (!features.includes(feature)) features.push(feature);
    const platform = orderedPlatform({
      ...before,
      ...(values.arch && { architecture: values.arch }),
      ...(values.os && { os: values.os }),
      ...(values.variant && { variant: values.variant }),
      ...(values["os-version"] && { "os.version": values["os-version"] }),
      "os.features": features,
    });
    const architectures = Object.hasOwn(VALID, platform.os) ? VALID[platform.os]!.split(" ") : [];
    if (!architectures.includes(platform.architecture)) {
      throw new CommandError(
        `manifest entry for image has unsupported os/arch combination: ${platform.os}/${platform.architecture}`,
      );
    }
    await store.put(list, reference, { ...manifest, Descriptor: { ...manifest.Descriptor, platform } });
  },
});
