/** Images of services: which are there, which are pulled, which are built. */
import type { ImageInspect } from "@berth/api";
import { messageOf, notFound, systemError } from "@berth/base";
import type { Client } from "@berth/client";
import { imageNameOf, type Separator } from "../container/names.ts";
import { observeImages } from "../observe/observe.ts";
import type { Progress } from "../progress.ts";
import type { NamedService, Target } from "../target.ts";
import { type PullAuth, pullImage } from "./pull.ts";

/** What the command line lends: building is not this package's work. */
export interface ImageBuilder {
  /** Builds each service's image and tags it with its name. @throws with the first failure. */
  build(target: Target, services: readonly NamedService[], options: BuildRequest): Promise<void>;
}

export interface BuildRequest {
  /** By service. */
  imageNames: ReadonlyMap<string, string>;
  quiet?: boolean;
  noCache?: boolean;
  pull?: boolean;
  push?: boolean;
  /** `--build-arg` */
  arguments?: readonly string[];
  memory?: string;
  ssh?: string;
  builder?: string;
  progress?: string;
}

export interface ImageSource {
  client: Client;
  progress: Progress;
  auth: PullAuth;
  builder: ImageBuilder;
  /** Told what would be pulled and built, instead of doing it. */
  dryRun?: (plan: string) => Promise<void>;
}

export interface EnsureOptions {
  /** `--build`, `--no-build`; undefined: what is missing is built. */
  build?: boolean;
  /** `--pull`, over each service's own policy. */
  pull?: string;
  quietPull?: boolean;
  separator: Separator;
}

export interface Images {
  /** By service. */
  ids: Map<string, string | undefined>;
  names: Map<string, string>;
  inspected: Map<string, ImageInspect | undefined>;
}

/** Makes sure that every service's image is there. One look at each image when all are. @throws */
export async function ensureImages(
  source: ImageSource,
  target: Target,
  services: readonly NamedService[],
  options: EnsureOptions,
): Promise<Images> {
  const names = new Map(
    services.map((each) => [each.name, imageNameOf(target.project, each, options.separator)]),
  );
  for (const service of services) {
    if (!service.image && service.build === undefined) {
      throw systemError(
        `service ${JSON.stringify(service.name)} has neither an image nor a build context specified`,
      );
    }
  }
  const inspected = await observeImages(source.client, names.values());
  const toPull = services.filter((service) =>
    isPulled(service, inspected.get(names.get(service.name)!), options),
  );
  if (source.dryRun !== undefined) {
    const missing = services.filter((each) => !toPull.includes(each) && each.build !== undefined);
    const built = missing.filter((each) => isBuilt(each, inspected.get(names.get(each.name)!), options));
    const words = [
      ...toPull.map((each) => `pull ${names.get(each.name)}`),
      ...built.map((each) => `build ${names.get(each.name)}`),
    ];
    if (words.length > 0) await source.dryRun(words.map((line) => `${line}\n`).join(""));
    return {
      ids: new Map(services.map((each) => [each.name, inspected.get(names.get(each.name)!)?.Id])),
      names,
      inspected,
    };
  }
  if (toPull.length > 0) await pullAll(source, toPull, names, options);
  const changed = new Set(toPull.map((service) => names.get(service.name)!));
  if (changed.size > 0) await lookAgain(source.client, inspected, changed);
  const toBuild = services.filter((service) =>
    isBuilt(service, inspected.get(names.get(service.name)!), options),
  );
  if (toBuild.length > 0) {
    await source.builder.build(target, toBuild, {
      imageNames: names,
      ...(options.quietPull && { quiet: true }),
    });
    await lookAgain(source.client, inspected, new Set(toBuild.map((service) => names.get(service.name)!)));
  }
  for (const service of services) {
    const name = names.get(service.name)!;
    if (inspected.get(name) === undefined) {
      throw notFound(`Error response from daemon: No such image: ${withTag(name)}`);
    }
  }
  const ids = new Map(services.map((each) => [each.name, inspected.get(names.get(each.name)!)?.Id]));
  return { ids, names, inspected };
}

function withTag(name: string): string {
  return /[@:][^/]*$/.test(name) ? name : `${name}:latest`;
}

function isPulled(service: NamedService, image: ImageInspect | undefined, options: EnsureOptions): boolean {
  if (!service.image) return false;
  if (options.build === true && service.build !== undefined) return false;
  const policy = options.pull || service.pull_policy || "missing";
  if (policy === "always") return service.build === undefined || options.pull !== "always";
  if (policy === "never" || policy === "build") return false;
  const refresh = refreshAfter(policy, service.pull_refresh_after);
  if (refresh !== undefined && image !== undefined) {
    return Date.now() - Date.parse(image.Metadata?.LastTagTime ?? "") > refresh;
  }
  return image === undefined;
}

const UNITS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** `daily`, `weekly`, `every_1d12h`, `refresh` with its own attribute → milliseconds. */
function refreshAfter(policy: string, after: string | undefined): number | undefined {
  if (policy === "daily") return UNITS.d;
  if (policy === "weekly") return UNITS.w;
  const text = policy === "refresh" ? (after ?? "") : (/^every_(.*)$/.exec(policy)?.[1] ?? "");
  let total = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)([smhdw])/g)) total += Number(count) * UNITS[unit as "s"];
  return total > 0 ? total : undefined;
}

function isBuilt(service: NamedService, image: ImageInspect | undefined, options: EnsureOptions): boolean {
  if (service.build === undefined || options.build === false) return false;
  return options.build === true || image === undefined || service.pull_policy === "build";
}

async function lookAgain(
  client: Client,
  inspected: Map<string, ImageInspect | undefined>,
  names: ReadonlySet<string>,
): Promise<void> {
  for (const [name, image] of await observeImages(client, names)) inspected.set(name, image);
}

async function pullAll(
  source: ImageSource,
  services: readonly NamedService[],
  names: ReadonlyMap<string, string>,
  options: EnsureOptions,
): Promise<void> {
  // Several services of one image: one pull.
  const byImage = new Map<string, NamedService[]>();
  for (const service of services) {
    const name = names.get(service.name)!;
    byImage.set(name, [...(byImage.get(name) ?? []), service]);
  }
  await Promise.all(
    [...byImage].map(async ([image, users]) => {
      const [first] = users;
      try {
        await pullImage(source, first!, image, { quiet: options.quietPull ?? false });
      } catch (error) {
        // What cannot be pulled is built.
        if (users.some((user) => user.build === undefined)) throw error;
        source.progress.event({
          id: first!.name,
          text: "Warning",
          status: "warning",
          detail: messageOf(error),
        });
      }
    }),
  );
}
