/**
 * Backends for tests: a container is a name and a state, its process an echo. They keep the promises of the interfaces
 * (errors, order, abort signals), so that a test of the server fails when the server breaks one of its own.
 */
import type {
  ContainerInspect,
  ContainerSummary,
  EventMessage,
  ExecConfig,
  ExecInspect,
  StatsResponse,
} from "@berth/api";
import { conflict, invalidParameter, newId, notFound, notImplemented, notModified } from "@berth/base";
import type { Backends } from "../backend.ts";
import type { AttachOptions, CreateOptions, LogsOptions, WaitOutcome } from "../container/backend.ts";
import { EchoStream } from "./echo-stream.ts";

interface FakeContainer {
  id: string;
  options: CreateOptions;
  running: boolean;
  waiters: ((outcome: WaitOutcome) => void)[];
  streams: EchoStream[];
}

export interface Recorded {
  operation: string;
  arguments: unknown[];
}

export class FakeEngine {
  readonly containers = new Map<string, FakeContainer>();
  readonly execs = new Map<string, { config: ExecConfig; container: string }>();
  readonly calls: Recorded[] = [];
  /** Signals of operations that still run. */
  readonly active = new Set<AbortSignal>();
  readonly uploads: Buffer[] = [];
  logChunks: AsyncIterable<Uint8Array> | undefined;

  record(operation: string, ...args: unknown[]): void {
    this.calls.push({ operation, arguments: args });
  }

  last(operation: string): unknown[] {
    const found = this.calls.findLast((call) => call.operation === operation);
    if (found === undefined) throw new Error(`${operation} was not called`);
    return found.arguments;
  }

  find(name: string): FakeContainer {
    const bare = name.replace(/^\//, "");
    for (const [known, container] of this.containers) {
      if (known === bare || container.id === bare || (bare.length >= 4 && container.id.startsWith(bare))) {
        return container;
      }
    }
    throw notFound(`No such container: ${name}`);
  }

  stop(container: FakeContainer, statusCode: number): void {
    container.running = false;
    for (const stream of container.streams.splice(0)) stream.finish();
    for (const waiter of container.waiters.splice(0)) waiter({ statusCode });
  }

  track(signal: AbortSignal): Disposable {
    this.active.add(signal);
    return { [Symbol.dispose]: () => void this.active.delete(signal) };
  }
}

const never = (): never => {
  throw notImplemented("the fake engine does not do this");
};

export function fakeBackends(engine: FakeEngine): Backends {
  return {
    containers: {
      async create(options, signal) {
        engine.record("create", options, signal);
        const name = options.name ?? `fake-${engine.containers.size}`;
        if (engine.containers.has(name))
          throw conflict(`Conflict. The container name "/${name}" is already in use`);
        const id = newId();
        engine.containers.set(name, { id, options, running: false, waiters: [], streams: [] });
        return { Id: id, Warnings: [] };
      },
      async start(name, options) {
        engine.record("start", name, options);
        const container = engine.find(name);
        if (container.running) throw notModified("already started");
        if (container.options.config.Cmd?.[0] === "missing") {
          engine.stop(container, 127);
          throw invalidParameter('exec: "missing": executable file not found in $PATH');
        }
        container.running = true;
        for (const stream of container.streams) stream.start();
      },
      async stop(name, options) {
        engine.record("stop", name, options);
        const container = engine.find(name);
        if (!container.running) throw notModified("not running");
        engine.stop(container, 137);
      },
      async restart(name, options) {
        engine.record("restart", name, options);
        engine.find(name).running = true;
      },
      async kill(name, signal) {
        engine.record("kill", name, signal);
        const container = engine.find(name);
        if (!container.running) throw conflict(`Container ${container.id} is not running`);
        engine.stop(container, 137);
      },
      async pause(name) {
        engine.record("pause", name);
        engine.find(name);
      },
      async unpause(name) {
        engine.record("unpause", name);
        engine.find(name);
      },
      async rename(name, newName) {
        engine.record("rename", name, newName);
        engine.find(name);
      },
      async update(name, update) {
        engine.record("update", name, update);
        engine.find(name);
        return { Warnings: null };
      },
      async resize(name, rows, columns) {
        engine.record("resize", name, rows, columns);
        engine.find(name);
      },
      async wait(name, condition, signal) {
        engine.record("wait", name, condition);
        const container = engine.find(name);
        const { promise, resolve, reject } = Promise.withResolvers<WaitOutcome>();
        engine.active.add(signal);
        signal.addEventListener("abort", () => {
          engine.active.delete(signal);
          reject(signal.reason);
        });
        container.waiters.push(resolve);
        return { outcome: promise };
      },
      async remove(name, options) {
        engine.record("remove", name, options);
        const container = engine.find(name);
        if (container.running && !options.force) throw conflict("You cannot remove a running container");
        for (const [known, each] of engine.containers)
          if (each === container) engine.containers.delete(known);
      },
      async prune(filters) {
        engine.record("prune", filters);
        return { ContainersDeleted: null, SpaceReclaimed: 0 };
      },
      async list(options) {
        engine.record("list", options);
        return [...engine.containers].map(
          ([name, { id }]) => ({ Id: id, Names: [`/${name}`] }) as unknown as ContainerSummary,
        );
      },
      async inspect(name, options) {
        engine.record("inspect", name, options);
        return { Id: engine.find(name).id, Name: `/${name}` } as unknown as ContainerInspect;
      },
      async top(name, psArguments) {
        engine.record("top", name, psArguments);
        engine.find(name);
        return { Titles: ["PID"], Processes: [["1"]] };
      },
      async changes(name) {
        engine.find(name);
        return [];
      },
      async attach(name, options: AttachOptions, signal) {
        engine.record("attach", name, options);
        const container = engine.find(name);
        const stream = new EchoStream(container.running);
        container.streams.push(stream);
        engine.active.add(signal);
        stream.onDestroyed(() => engine.active.delete(signal));
        return {
          stream,
          tty: container.options.config.Tty,
          detached: () => engine.record("detached", name),
        };
      },
      async logs(name, options: LogsOptions, signal) {
        engine.record("logs", name, options);
        const container = engine.find(name);
        const chunks = engine.logChunks ?? followForEver(engine, signal);
        return { tty: container.options.config.Tty, chunks };
      },
      async stats(name, options) {
        engine.record("stats", name, options);
        engine.find(name);
        return (async function* () {
          yield { name: `/${name}` } as StatsResponse;
        })();
      },
      async export(name) {
        engine.find(name);
        return new Response("tar of it all").body as ReadableStream<Uint8Array>;
      },
      async statPath(name, path) {
        engine.find(name);
        if (path !== "/etc") throw notFound(`Could not find the file ${path} in container ${name}`);
        return { name: "etc", size: 4096, mode: 2147484141, mtime: "2026-11-22T18:58:54Z", linkTarget: "" };
      },
      async getArchive(name, path) {
        const stat = await this.statPath(name, path);
        return { stat, tar: new Response("a tar").body as ReadableStream<Uint8Array> };
      },
      async putArchive(name, path, tar, options) {
        engine.record("putArchive", name, path, options);
        engine.find(name);
        if (path === "/refused") throw notFound(`Could not find the file ${path} in container ${name}`);
        for await (const chunk of tar) engine.uploads.push(Buffer.from(chunk));
      },
      async commit(options) {
        engine.record("commit", options);
        engine.find(options.container);
        return `sha256:${"0".repeat(64)}`;
      },
    },

    execs: {
      async create(container, config) {
        engine.record("exec create", container, config);
        const { id: containerId } = engine.find(container);
        const id = newId();
        engine.execs.set(id, { config, container: containerId });
        return id;
      },
      async inspect(id) {
        const exec = engine.execs.get(id);
        if (exec === undefined) throw notFound(`No such exec instance: ${id}`);
        return { ID: id, Running: false, ExitCode: 127 } as ExecInspect;
      },
      async checkStartable(id) {
        if (!engine.execs.has(id)) throw notFound(`No such exec instance: ${id}`);
      },
      async startDetached(id) {
        engine.record("exec start detached", id);
      },
      async startAttached(id, options) {
        engine.record("exec start", id, options);
        const exec = engine.execs.get(id);
        if (exec?.config.Cmd?.[0] === "missing") {
          throw conflict(
            'OCI runtime exec failed: exec failed: "missing": executable file not found in $PATH',
          );
        }
        return { stream: new EchoStream(true), tty: options.tty, exited: Promise.resolve(7) };
      },
      async resize(id, rows, columns) {
        engine.record("exec resize", id, rows, columns);
        if (!engine.execs.has(id)) throw notFound(`No such exec instance: ${id}`);
      },
    },

    images: {
      async list(options) {
        engine.record("image list", options);
        return [];
      },
      inspect: never,
      history: never,
      async tag(...args) {
        engine.record("tag", ...args);
      },
      async remove(name, options) {
        engine.record("image remove", name, options);
        throw notFound(`No such image: ${name}`);
      },
      prune: never,
      async save(names) {
        engine.record("save", names);
        return new Response("images").body as ReadableStream<Uint8Array>;
      },
      async *load(tar, options) {
        engine.record("load", options);
        yield { stream: "begun\n" };
        for await (const chunk of tar) engine.uploads.push(Buffer.from(chunk));
        yield { stream: "done\n" };
      },
      async *import(tar, options) {
        engine.record("import", options);
        for await (const chunk of tar) engine.uploads.push(Buffer.from(chunk));
        yield { status: "sha256:0" };
      },
      importFromUrl: never,
      async *bootstrap(name, options) {
        engine.record("bootstrap", name, options);
        yield { status: "made" };
      },
      async *pull(options) {
        engine.record("pull", options);
        yield { status: "Pulling" };
        throw notFound("pull access denied");
      },
      async *push(options) {
        engine.record("push", options);
        yield { status: "Pushing" };
      },
    },

    registry: {
      async login(auth) {
        engine.record("login", auth);
        return "";
      },
      async search(term, { limit, filters, auth }) {
        engine.record("search", term, limit, filters, auth);
        return [];
      },
      async distribution(name, auth) {
        engine.record("distribution", name, auth);
        return { Descriptor: { mediaType: "x", digest: "sha256:0", size: 1 }, Platforms: [] };
      },
    },

    networks: {
      async list(filters) {
        engine.record("network list", filters);
        return [];
      },
      async inspect(name) {
        throw notFound(`network ${name} not found`);
      },
      async create(request) {
        engine.record("network create", request);
        return { Id: newId(), Warning: "" };
      },
      remove: never,
      async connect(network, request) {
        engine.record("connect", network, request);
      },
      async disconnect(network, request) {
        engine.record("disconnect", network, request);
      },
      async prune(filters) {
        engine.record("network prune", filters);
        return { NetworksDeleted: null };
      },
    },

    volumes: {
      async list(filters) {
        engine.record("volume list", filters);
        return { Volumes: [], Warnings: null };
      },
      async inspect(name) {
        throw notFound(`get ${name}: no such volume`);
      },
      async create(request) {
        engine.record("volume create", request);
        return {
          CreatedAt: "2026-11-22T18:58:54Z",
          Driver: "local",
          Labels: request.Labels,
          Mountpoint: `/volumes/${request.Name}/_data`,
          Name: request.Name,
          Options: request.DriverOpts,
          Scope: "local",
        };
      },
      async remove(name, options) {
        engine.record("volume remove", name, options);
      },
      async prune(filters) {
        engine.record("volume prune", filters);
        return { VolumesDeleted: [], SpaceReclaimed: 0 };
      },
    },

    system: {
      prefersBuildKit: () => true,
      info: never,
      version: never,
      async diskUsage(options) {
        engine.record("df", options);
        return { LayersSize: 0, ...(options.volumes && { Volumes: [] }) };
      },
      async events(options, signal) {
        engine.record("events", options);
        return events(engine, signal);
      },
    },
  };
}

async function* events(engine: FakeEngine, signal: AbortSignal): AsyncGenerator<EventMessage> {
  using _ = engine.track(signal);
  yield {
    status: "start",
    id: "abc",
    Type: "container",
    Action: "start",
    Actor: { ID: "abc", Attributes: {} },
    scope: "local",
    time: 1_795_373_934,
    timeNano: 1_795_373_934_320_704_765n,
  };
  await aborted(signal);
}

async function* followForEver(engine: FakeEngine, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  using _ = engine.track(signal);
  yield Buffer.from("first line\n");
  await aborted(signal);
}

function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  signal.addEventListener("abort", () => resolve());
  return promise;
}
