import type { Filters } from "@berth/api";
import { BerthError, invalidParameter, isKind } from "@berth/base";
import type { EngineContext } from "../context.ts";
import { type Container, statusOf } from "./container.ts";
import { endpointsByName } from "./inspect.ts";

const ACCEPTED = [
  "ancestor",
  "before",
  "exited",
  "id",
  "isolation",
  "label",
  "name",
  "status",
  "health",
  "since",
  "volume",
  "network",
  "is-task",
  "publish",
  "expose",
];
const STATUSES = ["paused", "restarting", "removing", "running", "dead", "created", "exited"];
const HEALTHS = ["starting", "healthy", "unhealthy", "none"];

type Predicate = (container: Container) => boolean;

/** The filters of `docker ps` as one test. Values are checked first. @throws invalid-parameter with Docker's sentences. */
export function compileFilters(engine: EngineContext, filters: Filters): Predicate {
  filters.validate(ACCEPTED);
  const tests: Predicate[] = [];
  const oneOf = (key: string, test: (container: Container, value: string) => boolean) => {
    const values = filters.get(key);
    if (values.length > 0) tests.push((container) => values.some((value) => test(container, value)));
  };
  checkValues(filters, "status", STATUSES, (value) => `Invalid filter 'status=${value}'`);
  checkValues(filters, "health", HEALTHS, (value) => `Unrecognised filter value for health: ${value}`);
  const exits = filters.get("exited").map((text) => {
    if (!/^[+-]?\d+$/.test(text)) {
      throw invalidParameter(`strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
    }
    return Number(text);
  });
  if (exits.length > 0) {
    tests.push(
      ({ state }) => exits.includes(state.exitCode) && !state.running && statusOf(state) !== "created",
    );
  }
  oneOf("status", ({ state }, value) => statusOf(state) === value);
  oneOf("health", ({ state }, value) => (state.health?.Status ?? "none") === value);
  // Every id and name given must fit somewhere, as one list of alternatives.
  oneOf("id", ({ id }, value) => id.startsWith(value));
  if (filters.get("name").length > 0) {
    tests.push(
      ({ record }) => filters.pattern("name", record.name) || filters.pattern("name", `/${record.name}`),
    );
  }
  tests.push(({ record }) => filters.labels("label", record.config.Labels));
  for (const [key, older] of [
    ["before", true],
    ["since", false],
  ] as const) {
    for (const reference of filters.get(key)) {
      const pivot = lookUp(engine, reference);
      tests.push(({ record }) =>
        older ? record.created < pivot.record.created : record.created > pivot.record.created,
      );
    }
  }
  oneOf("volume", ({ record }, value) =>
    record.mounts.some((mount) => (mount.name ?? mount.source) === value || mount.destination === value),
  );
  oneOf("network", (container, value) =>
    Object.entries(endpointsByName(container)).some(
      ([name, endpoint]) =>
        name === value || (endpoint.NetworkID !== "" && endpoint.NetworkID.startsWith(value)),
    ),
  );
  const ancestors = ancestorImages(engine, filters.get("ancestor"));
  if (ancestors) tests.push(({ record }) => ancestors.has(record.imageId));
  if (filters.has("is-task")) {
    // There are no tasks: swarm mode is not there.
    const wanted = filters.boolean("is-task", false);
    tests.push(() => !wanted);
  }
  portTests(filters, tests);
  return (container) => tests.every((test) => test(container));
}

function checkValues(
  filters: Filters,
  key: string,
  known: readonly string[],
  sentence: (value: string) => string,
): void {
  for (const value of filters.get(key)) if (!known.includes(value)) throw invalidParameter(sentence(value));
}

function lookUp(engine: EngineContext, reference: string): Container {
  try {
    return engine.containers.get(reference);
  } catch (error) {
    throw isKind(error, "not-found") ? new BerthError("not-found", `no such container ${reference}`) : error;
  }
}

/** Ids of the images named, and of all that were made on top of them; undefined when none is named. */
function ancestorImages(engine: EngineContext, references: readonly string[]): Set<string> | undefined {
  if (references.length === 0) return undefined;
  const found = new Set<string>();
  const chains: string[] = [];
  for (const reference of references) {
    try {
      const image = engine.images.resolve(reference);
      found.add(image.id);
      const top = image.chain.at(-1);
      if (top) chains.push(top);
    } catch {
      // An image that is not there has no containers.
    }
  }
  for (const { record } of engine.containers.all()) {
    if (chains.some((top) => (record.chain as readonly string[]).includes(top))) found.add(record.imageId);
  }
  return found;
}

/** `publish` and `expose`: `80`, `80/udp`, `8000-8010/tcp`. */
function portTests(filters: Filters, tests: Predicate[]): void {
  for (const key of ["publish", "expose"] as const) {
    const wanted = new Set(filters.get(key).flatMap((text) => spread(key, text)));
    if (wanted.size === 0) continue;
    tests.push((container) => {
      const ports = container.state.network?.ports ?? {};
      // As with Docker, of a container that runs.
      if (key === "expose") return Object.keys(ports).some((port) => wanted.has(port));
      return Object.entries(ports).some(([target, bindings]) => {
        const protocol = target.split("/")[1];
        return bindings?.some(({ HostPort }) => wanted.has(`${HostPort}/${protocol}`));
      });
    });
  }
}

function spread(key: string, text: string): string[] {
  const [range = "", protocol = "tcp"] = text.split("/");
  const [first = "", last = first] = range.split("-");
  const ports = [first, last].map((part) => {
    if (!/^\d{1,5}$/.test(part) || Number(part) > 65535) {
      throw invalidParameter(
        `error while looking up for ${key} ${text}: strconv.ParseUint: parsing ${JSON.stringify(part)}: invalid syntax`,
      );
    }
    return Number(part);
  });
  const keys: string[] = [];
  for (let port = ports[0]!; port <= ports[1]!; port++) keys.push(`${port}/${protocol}`);
  return keys;
}
