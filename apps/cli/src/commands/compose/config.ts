import { writeFileSync } from "node:fs";
import type { LoadedProject } from "@berth/compose";
import { command } from "../../command.ts";
import { loadComposeProject } from "../../compose/project.ts";
import type { Context } from "../../context.ts";
import { CommandError } from "../../errors.ts";
import { bool, string } from "../../flags/types.ts";

export default command({
  names: ["compose config", "compose convert"],
  summary: "Parse, resolve and render compose file in canonical format",
  usage: "[OPTIONS] [SERVICE...]",
  arguments: { least: 0, most: undefined },
  flags: {
    environment: bool("Print environment used for interpolation."),
    format: string("Format the output. Values: [yaml | json]", { default: "yaml", values: ["yaml", "json"] }),
    hash: string("Print the service config hash, one per line."),
    images: bool("Print the image names, one per line."),
    "lock-image-digests": bool("Produces an override file with image digests"),
    models: bool("Print the model names, one per line."),
    networks: bool("Print the network names, one per line."),
    "no-consistency": bool("Don't check model consistency - warning: may produce invalid Compose output"),
    "no-env-resolution": bool("Don't resolve service env files"),
    "no-interpolate": bool("Don't interpolate environment variables"),
    "no-normalize": bool("Don't normalize compose model"),
    "no-path-resolution": bool("Don't resolve file paths"),
    output: string("Save to file (default to stdout)", { shorthand: "o", values: "file" }),
    profiles: bool("Print the profile names, one per line."),
    quiet: bool("Only validate the configuration, don't print anything", { shorthand: "q" }),
    "resolve-image-digests": bool("Pin image tags to digests"),
    services: bool("Print the service names, one per line."),
    variables: bool("Print model variables and default values."),
    volumes: bool("Print the volume names, one per line."),
  },
  completes: ["none"],
  async run(context, { values }, services) {
    if (values.format !== "yaml" && values.format !== "json") {
      throw new CommandError(`unsupported format ${JSON.stringify(values.format)}`);
    }
    const print = async (lines: readonly string[]) => {
      if (lines.length > 0) await context.stdout.write(`${lines.join("\n")}\n`);
    };
    if (values.variables) {
      const { variableTable } = await import("../../compose/variables.ts");
      await context.stdout.write(await variableTable(context, values.format));
      return;
    }
    const names = values.services || values.images || values.profiles || values.hash !== "" || values.volumes;
    const { renderModel, renderProject, selectServices, serviceHash } = await import("@berth/compose");
    const loaded = selectServices(
      await loadComposeProject(context, {
        interpolate: !values["no-interpolate"],
        normalize: !values["no-normalize"],
        resolvePaths: !values["no-path-resolution"],
        consistency: !values["no-consistency"],
        // Compose hashes here what stands in the files.
        resolveEnvironment: !values["no-env-resolution"] && !values["no-interpolate"] && values.hash === "",
        ...(values.profiles && { profiles: ["*"] }),
        services,
      }),
      services,
    );
    const { project } = loaded;
    if (values.quiet) return;
    if (values.environment) {
      await print(
        Object.entries(loaded.environment)
          .map(([name, value]) => `${name}=${value}`)
          .sort(),
      );
    } else if (values.services) await print(Object.keys(project.services).sort());
    else if (values.volumes) await print(Object.keys(project.volumes).sort());
    else if (values.networks) await print(Object.keys(project.networks).sort());
    else if (values.models) await print(Object.keys(project.models).sort());
    else if (values.hash !== "") {
      const wanted = values.hash === "*" ? Object.keys(project.services).sort() : values.hash.split(",");
      await print(
        wanted.map((name) => {
          const service = project.services[name];
          if (service === undefined) throw new CommandError(`no such service: ${name}`);
          return `${name} ${serviceHash(service)}`;
        }),
      );
    } else if (values.profiles) {
      const all = Object.values(project.services).flatMap((service) => service.profiles ?? []);
      await print([...new Set(all)].sort());
    } else if (values.images) {
      await print(
        Object.entries(project.services)
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([name, service]) => service.image ?? `${project.name}-${name}`),
      );
    }
    if (names || values.environment || values.networks || values.models) return;
    if (values["resolve-image-digests"] || values["lock-image-digests"]) await pinImages(context, loaded);
    const shown = values["lock-image-digests"] ? onlyImages(loaded) : project;
    const rendered = values["no-interpolate"]
      ? renderModel(shown, values.format)
      : renderProject(shown, values.format).replaceAll("$", "$$$$");
    if (values.output !== "") {
      writeFileSync(values.output, rendered, { mode: 0o666 });
      return;
    }
    // Compose ends JSON without a newline of its own.
    await context.stdout.write(rendered);
  },
});

/** Asks the registries, through the daemon, which digest each image has now. */
async function pinImages(context: Context, { project }: LoadedProject): Promise<void> {
  const { distributionInspect } = await import("@berth/client");
  const { registryAuth } = await import("../../config/registry-auth.ts");
  const { parseReference } = await import("@berth/spec");
  const client = await context.client();
  await Promise.all(
    Object.values(project.services).map(async (service) => {
      const { image } = service;
      if (!image || image.includes("@")) return;
      const found = await distributionInspect(
        client,
        image,
        await registryAuth(context, parseReference(image).domain),
      );
      service.image = `${image}@${found.Descriptor.digest}`;
    }),
  );
}

/** Services with nothing but their images. */
function onlyImages({ project }: LoadedProject): LoadedProject["project"] {
  const services = Object.fromEntries(
    Object.entries(project.services)
      .filter(([, service]) => service.image)
      .map(([name, service]) => [name, { image: service.image!, command: null, entrypoint: null }]),
  );
  return { ...project, services, networks: {}, volumes: {}, secrets: {}, configs: {}, models: {} };
}
