import { formatReference, parseReference, repositoryOf } from "@berth/spec";
import { command, exactly } from "../../command.ts";
import { CommandError } from "../../errors.ts";
import { bool } from "../../flags/types.ts";

export default command({
  names: ["manifest push"],
  summary: "Send a manifest list to its registry",
  usage: "[OPTIONS] MANIFEST_LIST",
  arguments: exactly(1),
  flags: {
    insecure: bool("Allow a registry without TLS"),
    purge: bool("Forget the list here after that", { shorthand: "p" }),
  },
  async run(context, { values }, [target]) {
    const { parseImageName, Registries, selectorOf } = await import("../../registry/open.ts");
    const { ListStore } = await import("../../registry/list-store.ts");
    const { copyImage, isSame } = await import("../../registry/copy-image.ts");
    const { listTypeOf, manifestListText } = await import("../../registry/documents.ts");
    const list = parseImageName(target!);
    const store = new ListStore((await context.configuration()).folder);
    const manifests = await store.list(list);
    if (manifests === undefined || manifests.length === 0) {
      throw new CommandError(`No such manifest: ${formatReference(list)}`);
    }
    const sources = manifests.map((manifest) => ({ manifest, reference: parseReference(manifest.Ref) }));
    for (const { manifest, reference } of sources) {
      const { os, architecture } = manifest.Descriptor.platform ?? {};
      if (!os || !architecture) {
        throw new CommandError(
          `manifest ${manifest.Ref} must have an OS and Architecture to be pushed to a registry`,
        );
      }
      if (reference.domain !== list.domain) {
        throw new CommandError(
          `cannot use source images from a different registry than the target image: ${reference.domain} != ${list.domain}`,
        );
      }
    }
    const registries = new Registries(context, values.insecure ? [list.domain] : []);
    const to = registries.repository(list);
    for (const { manifest, reference } of sources) {
      const from = registries.repository(reference);
      if (isSame(from, to)) continue;
      const { digest } = manifest.Descriptor;
      const document = await from.fetchManifest({ digest }, registries.signal);
      await copyImage(from, to, document, registries.signal);
      await context.stdout.write(`Pushed ref ${repositoryOf(list)}@${digest} with digest: ${digest}\n`);
    }
    const descriptors = manifests.map((manifest) => manifest.Descriptor);
    const mediaType = listTypeOf(descriptors);
    const bytes = new TextEncoder().encode(manifestListText(mediaType, descriptors));
    const digest = await to.putManifest(selectorOf(list), { mediaType, bytes }, registries.signal);
    await context.stdout.write(`${digest}\n`);
    if (values.purge) await store.remove(list);
  },
});
