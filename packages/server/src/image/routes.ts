import type { ImageInspect, ImageSummary } from "@berth/api";
import { invalidParameter } from "@berth/base";
import type { Exchange } from "../http/exchange.ts";
import { del, get, post, type Route } from "../http/router.ts";
import { sendChunks, sendProgress } from "../http/stream.ts";
import { authOf } from "../registry/routes.ts";
import type { ImageBackend, ImportOptions } from "./backend.ts";

const LIST_FILTERS = ["before", "dangling", "label", "reference", "since", "until"] as const;
const PRUNE_FILTERS = ["dangling", "label", "label!", "until"] as const;

export function imageRoutes(images: ImageBackend): Route[] {
  return [
    get("/images/json", async (exchange) => {
      const { query, version } = exchange;
      let filters = query.filters(LIST_FILTERS);
      const legacy = version < 41 ? query.string("filter") : "";
      if (legacy !== "") filters = filters.with("reference", legacy);
      const sharedSize = version >= 42 && query.boolean("shared-size");
      const list = await images.list({ all: query.boolean("all"), sharedSize, filters });
      exchange.json(list.map((image) => imageSummary(image, version)));
    }),

    get("/images/get", (exchange) => save(exchange, images, exchange.query.all("names"))),
    get("/images/{name}/get", (exchange) => save(exchange, images, [exchange.parameter("name")])),

    get("/images/{name}/json", async (exchange) => {
      const image = await images.inspect(exchange.parameter("name"), platform(exchange, 49));
      exchange.json(imageInspect(image, exchange.version));
    }),

    get("/images/{name}/history", async (exchange) => {
      exchange.json(await images.history(exchange.parameter("name"), platform(exchange, 48)));
    }),

    post("/images/load", async (exchange) => {
      const options = { quiet: exchange.query.boolean("quiet"), ...platform(exchange, 48) };
      await sendProgress(exchange, images.load(exchange.bodyStream(), options, exchange.signal));
    }),

    post("/images/create", (exchange) => create(exchange, images)),

    // Berth's own: no such thing in Docker's API.
    post("/berth/images/bootstrap", async (exchange) => {
      const { query, signal } = exchange;
      const name = query.string("name");
      if (name === "") throw invalidParameter("the parameter name is missing");
      const mirror = query.optionalString("mirror");
      await sendProgress(exchange, images.bootstrap(name, mirror === undefined ? {} : { mirror }, signal));
    }),

    post("/images/prune", async (exchange) => {
      exchange.json(await images.prune(exchange.query.filters(PRUNE_FILTERS), exchange.signal));
    }),

    post("/images/{name}/push", async (exchange) => {
      const options = {
        image: exchange.parameter("name"),
        tag: exchange.query.string("tag"),
        ...platform(exchange, 46),
        auth: authOf(exchange),
      };
      await sendProgress(exchange, images.push(options, exchange.signal));
    }),

    post("/images/{name}/tag", async (exchange) => {
      const { query } = exchange;
      await images.tag(exchange.parameter("name"), query.string("repo"), query.string("tag"));
      exchange.empty(201);
    }),

    del("/images/{name}", async (exchange) => {
      const name = exchange.parameter("name");
      if (name.trim() === "") throw invalidParameter("image name cannot be blank");
      const { query } = exchange;
      const options = { force: query.boolean("force"), prune: !query.boolean("noprune") };
      exchange.json(await images.remove(name, options));
    }),
  ];
}

async function save(exchange: Exchange, images: ImageBackend, names: readonly string[]): Promise<void> {
  const tar = await images.save(names, platform(exchange, 48), exchange.signal);
  await sendChunks(exchange, { "Content-Type": "application/x-tar" }, tar);
}

async function create(exchange: Exchange, images: ImageBackend): Promise<void> {
  const { query, signal } = exchange;
  const image = query.string("fromImage");
  if (image !== "") {
    const options = {
      image,
      tag: query.string("tag"),
      ...platform(exchange, 32),
      auth: authOf(exchange),
    };
    return sendProgress(exchange, images.pull(options, signal));
  }
  const source = query.string("fromSrc");
  if (source === "") throw invalidParameter("one of fromImage and fromSrc must be given");
  const options: ImportOptions = {
    repository: query.string("repo"),
    tag: query.string("tag"),
    message: query.string("message"),
    changes: query.all("changes"),
    ...platform(exchange, 32),
  };
  const messages =
    source === "-"
      ? images.import(exchange.bodyStream(), options, signal)
      : images.importFromUrl(source, options, signal);
  await sendProgress(exchange, messages);
}

function platform({ query, version }: Exchange, since: number): { platform?: string } {
  const value = version >= since ? query.optionalString("platform") : undefined;
  return value === undefined ? {} : { platform: value };
}

/** `VirtualSize` ended with API 1.44; images without a name were called `<none>:<none>` below 1.43. */
export function imageSummary(image: ImageSummary, version: number): Partial<ImageSummary> {
  const { VirtualSize, Descriptor, Manifests, ...summary } = image;
  const tags = summary.RepoTags ?? [];
  const digests = summary.RepoDigests ?? [];
  const anonymous = version < 43 && tags.length === 0 && digests.length === 0;
  return {
    ...summary,
    RepoTags: anonymous ? ["<none>:<none>"] : tags,
    RepoDigests: anonymous ? ["<none>@<none>"] : digests,
    ...(version < 44 && { VirtualSize }),
    ...(version >= 48 && Descriptor !== undefined && { Descriptor }),
    ...(version >= 47 && Manifests !== undefined && { Manifests }),
  };
}

/** `Container` and `ContainerConfig` stay at every version, because docker-compose 1.29 takes the newest and needs them. */
function imageInspect(image: ImageInspect, version: number): Partial<ImageInspect> {
  const { VirtualSize, Descriptor, Manifests, ...inspect } = image;
  return {
    ...inspect,
    ...(version < 44 && { VirtualSize }),
    ...(version >= 48 && Descriptor !== undefined && { Descriptor }),
    ...(version >= 48 && Manifests !== undefined && { Manifests }),
  };
}
