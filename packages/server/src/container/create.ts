import {
  type ContainerCreateRequest,
  type ContainerCreateResponse,
  containerCreateDecoder,
  type HostConfig,
} from "@berth/api";
import { invalidParameter, isKind } from "@berth/base";
import { errorAnswer } from "../http/errors.ts";
import type { Exchange } from "../http/exchange.ts";
import { outcomeFrame, RUN_PROTOCOL } from "../http/one-request.ts";
import { pipeAttachment } from "../http/pipe.ts";
import { post, type Route } from "../http/router.ts";
import type { ContainerLifecycle, ContainerStreams, CreateOptions } from "./backend.ts";
import { streamType } from "./streams.ts";
import { waitAnswer } from "./wait.ts";

export function createRoutes(containers: ContainerLifecycle & ContainerStreams): Route[] {
  return [
    post("/containers/create", async (exchange) => {
      const request = await exchange.readJson(containerCreateDecoder, {
        required: true,
        nullMessage: "Config cannot be empty in order to create a container",
      });
      const options = createOptions(exchange, request);
      const created = await containers.create(options, exchange.signal);
      if (exchange.upgradesTo(RUN_PROTOCOL) && !options.config.Tty) {
        return run(exchange, containers, created, options);
      }
      exchange.json(created, 201);
    }),
  ];
}

/** Attaches, waits and starts, in the order in which a client does. `Berth-Created` is what create answers. */
async function run(
  exchange: Exchange,
  containers: ContainerLifecycle & ContainerStreams,
  created: ContainerCreateResponse,
  { config, hostConfig }: CreateOptions,
): Promise<void> {
  const { signal } = exchange;
  const { Id: id } = created;
  const client = exchange.hijack(streamType(exchange, false), RUN_PROTOCOL, {
    "Berth-Created": encodeURIComponent(JSON.stringify(created)),
  });
  try {
    // A client that went away meanwhile has only made it.
    signal.throwIfAborted();
    const { AttachStdin: stdin, AttachStdout: stdout, AttachStderr: stderr } = config;
    const streams = { stdin, stdout, stderr, logs: false, stream: true };
    const attachment = await containers.attach(id, streams, signal);
    const { outcome } = await containers.wait(id, hostConfig.AutoRemove ? "removed" : "next-exit", signal);
    const failure = containers.start(id, {}).then(
      () => undefined,
      async (error: unknown) => {
        // Another client was quicker.
        if (isKind(error, "not-modified")) return undefined;
        // Nothing of it shall be left when the client ends.
        if (hostConfig.AutoRemove) await waitAnswer(outcome);
        return { NotStarted: errorAnswer(error) };
      },
    );
    const end = pipeAttachment(client, attachment, {
      stdin,
      detachKeys: new Uint8Array(),
      outcome: failure.then(async (failed) => failed ?? waitAnswer(outcome)),
    });
    if ((await failure) !== undefined) await end();
  } catch (error) {
    client.write(outcomeFrame({ NotStarted: errorAnswer(error) }));
    client.end();
  }
}

function createOptions({ query, version }: Exchange, request: ContainerCreateRequest): CreateOptions {
  const { HostConfig: hostConfig, NetworkingConfig: networkingConfig, ...config } = request;
  if (version < 44 && config.Healthcheck !== undefined) delete config.Healthcheck.StartInterval;
  adaptHostConfig(hostConfig, version);
  for (const endpoint of Object.values(networkingConfig.EndpointsConfig ?? {})) {
    // Older clients sent back what an inspect had told.
    if (version < 44) endpoint.MacAddress = "";
    if (version < 48) endpoint.GwPriority = 0;
  }
  const options: CreateOptions = { config, hostConfig, networkingConfig, apiVersion: version };
  const name = query.optionalString("name");
  if (name !== undefined) options.name = name;
  const platform = version >= 41 ? query.optionalString("platform") : undefined;
  if (platform !== undefined) options.platform = platform;
  return options;
}

/** Fields are ignored below the version that brought them, and defaults are those of the version. */
function adaptHostConfig(hostConfig: HostConfig, version: number): void {
  // Below 1.25 the client removed the container itself.
  if (version < 25) hostConfig.AutoRemove = false;
  if (version < 40) {
    delete hostConfig.KernelMemoryTCP;
    if (hostConfig.IpcMode === "") hostConfig.IpcMode = "shareable";
  }
  if (version < 41 && hostConfig.CgroupnsMode === "") hostConfig.CgroupnsMode = "host";
  if (version < 42) hostConfig.ConsoleSize = [0, 0];
  else delete hostConfig.KernelMemory;
  if (version < 43) delete hostConfig.Annotations;
  if (hostConfig.PidsLimit !== null && hostConfig.PidsLimit <= 0) hostConfig.PidsLimit = null;
  for (const mount of hostConfig.Mounts ?? []) adaptMount(mount, version);
}

function adaptMount(mount: NonNullable<HostConfig["Mounts"]>[number], version: number): void {
  const { BindOptions: bind, VolumeOptions: volume, TmpfsOptions: tmpfs } = mount;
  if (bind !== undefined) {
    if (version < 40) delete bind.NonRecursive;
    if (version < 42) delete bind.CreateMountpoint;
    if (version < 44) {
      delete bind.ReadOnlyNonRecursive;
      delete bind.ReadOnlyForceRecursive;
    }
  }
  if (version < 45 && volume !== undefined) delete volume.Subpath;
  if (version < 46 && tmpfs !== undefined) delete tmpfs.Options;
  if (version < 48 && mount.Type === "image") {
    throw invalidParameter('Mount type "Image" needs API v1.48 or newer');
  }
  if (version < 42) return;
  const options = { Bind: bind, Volume: volume, Tmpfs: tmpfs, Image: mount.ImageOptions };
  for (const [kind, given] of Object.entries(options)) {
    if (given !== undefined && mount.Type !== kind.toLowerCase()) {
      throw invalidParameter(
        `${kind}Options must not be specified on mount type ${JSON.stringify(mount.Type ?? "")}`,
      );
    }
  }
}
