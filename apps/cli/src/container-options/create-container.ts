import { type Client, containerCreate, containerRun, type Hijacked, versionLessThan } from "@berth/client";
import { refuseContentTrust } from "../content-trust.ts";
import type { Context } from "../context.ts";
import { isBerthError } from "../error-kinds.ts";
import { CommandError, OutputClosed } from "../errors.ts";
import type { Parsed } from "../flags/flag.ts";
import { lazyNode } from "../lazy-node.ts";
import { type ContainerRequest, containerRequest } from "./body.ts";
import type { CONTAINER_FLAGS } from "./flags.ts";

type ContainerFlags = Parsed<typeof CONTAINER_FLAGS>;

/** What `docker run` answers for anything that went wrong before the container ran. */
export const NOT_RUN = 125;

/** Failures on the way point to the command's help and have status 125. */
export async function orNotRun<T>(context: Context, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof OutputClosed || error instanceof CommandError) throw error;
    const { describeError } = await import("../describe-error.ts");
    throw new CommandError(describeError(context.program, error), NOT_RUN, {
      pointsToHelp: true,
      cause: error,
    });
  }
}

/** Reads the flags and arguments. @throws CommandError */
export async function readContainerRequest(
  context: Context,
  flags: ContainerFlags,
  args: readonly string[],
): Promise<ContainerRequest> {
  const [image = "", ...command] = args;
  const { withProxies } = await import("./proxy-environment.ts");
  const { file } = await context.configuration();
  const { host } = await context.client();
  try {
    const env = withProxies(flags.values.env, file, host);
    const values = { ...flags.values, env };
    return containerRequest({ ...flags, values }, image, command, context.environment);
  } catch (error) {
    throw new CommandError((error as Error).message, NOT_RUN, { pointsToHelp: true });
  }
}

const PULL_POLICIES = new Set(["always", "missing", "never"]);

/** Makes the container, pulling its image when it is missing (or always, or never), and writes `--cidfile`. @returns its id. */
export async function createContainer(
  context: Context,
  client: Client,
  request: ContainerRequest,
  flags: ContainerFlags,
): Promise<string> {
  return (await beginContainer(context, client, request, flags, false)).id;
}

/** As `createContainer`; with `inOne` a daemon that can attaches, waits and starts too. @returns `stream` if it did. */
export async function beginContainer(
  context: Context,
  client: Client,
  request: ContainerRequest,
  flags: ContainerFlags,
  inOne: boolean,
): Promise<{ id: string; stream?: Hijacked }> {
  const { values } = flags;
  refuseContentTrust(context, flags, NOT_RUN);
  if (!PULL_POLICIES.has(values.pull)) {
    throw new CommandError(
      `invalid pull option: '${values.pull}': must be one of "always", "missing" or "never"`,
      NOT_RUN,
      { pointsToHelp: true },
    );
  }
  await warn(context, request);
  using idFile = values.cidfile === "" ? undefined : new IdFile(values.cidfile);
  const { config, hostConfig, networkingConfig } = request;
  const image = config.Image ?? "";
  if (values.pull === "always") await pull(context, image, values.platform, values.quiet);
  const body = { ...config, HostConfig: hostConfig, NetworkingConfig: networkingConfig };
  const make: typeof containerRun = inOne
    ? containerRun
    : async (...asked) => ({ created: await containerCreate(...asked) });
  const create = () =>
    make(
      client,
      // What a daemon of before takes elsewhere, or at all.
      (version) => ({
        ...body,
        ...(versionLessThan(version, "1.44") &&
          values["mac-address"] !== "" && { MacAddress: values["mac-address"] }),
        ...(versionLessThan(version, "1.42") &&
          values["kernel-memory"] !== 0 && {
            HostConfig: { ...hostConfig, KernelMemory: values["kernel-memory"] },
          }),
      }),
      { name: values.name, platform: values.platform },
    );
  let made: Awaited<ReturnType<typeof create>>;
  try {
    made = await create();
  } catch (error) {
    if (values.pull !== "missing" || !isMissingImage(error)) throw error;
    if (!values.quiet) {
      const { familiarReference, parseReference, withDefaultTag } = await import("@berth/spec");
      const name = familiarReference(withDefaultTag(parseReference(image)));
      await context.stderr.write(`Unable to find image '${name}' locally\n`);
    }
    await pull(context, image, values.platform, values.quiet);
    made = await create();
  }
  const { created, stream } = made;
  for (const warning of created.Warnings ?? []) await context.stderr.write(`WARNING: ${warning}\n`);
  idFile?.write(created.Id);
  return { id: created.Id, ...(stream !== undefined && { stream }) };
}

function isMissingImage(error: unknown): boolean {
  return isBerthError(error, "ApiError") && error.status === 404 && /no such image/i.test(error.message);
}

/** The progress goes to stderr: stdout is the container's. */
async function pull(context: Context, image: string, platform: string, quiet: boolean): Promise<void> {
  const { imagePull } = await import("@berth/client");
  const { parseReference, repositoryOf, withDefaultTag } = await import("@berth/spec");
  const { registryAuth } = await import("../config/registry-auth.ts");
  const { showProgress } = await import("../format/progress.ts");
  const reference = withDefaultTag(parseReference(image));
  const response = await imagePull(await context.client(), {
    image: repositoryOf(reference),
    tag: reference.digest ?? reference.tag ?? "",
    platform,
    auth: await registryAuth(context, reference.domain),
  });
  const toStderr = {
    ...context,
    stdout: context.stderr,
    isTerminal: (fd: number) => context.isTerminal(fd + 1),
  };
  await showProgress(toStderr, response, { quiet });
}

async function warn(context: Context, { hostConfig }: ContainerRequest): Promise<void> {
  const local = hostConfig.Dns?.find((address) => /^127\./.test(address) || address === "::1");
  if (local !== undefined) {
    await context.stderr.write(`WARNING: Localhost DNS (${local}) may fail in containers.\n`);
  }
}

/** `--cidfile`: refused when it is there, removed again when no container was made. */
class IdFile implements Disposable {
  readonly #path: string;
  readonly #fd: number;
  #written = false;

  constructor(path: string) {
    this.#path = path;
    const fail = (message: string) => new CommandError(message, NOT_RUN, { pointsToHelp: true });
    try {
      this.#fd = lazyNode.fs.openSync(path, "wx", 0o644);
    } catch (error) {
      if ((error as { code?: string }).code === "EEXIST") {
        throw fail(`container ID file found, make sure the other container isn't running or delete ${path}`);
      }
      const { code } = error as { code?: string };
      const reason = code === "ENOENT" ? "no such file or directory" : (error as Error).message;
      throw fail(`failed to create the container ID file: open ${path}: ${reason}`);
    }
  }

  write(id: string): void {
    lazyNode.fs.writeSync(this.#fd, id);
    this.#written = true;
  }

  [Symbol.dispose](): void {
    lazyNode.fs.closeSync(this.#fd);
    if (!this.#written) lazyNode.fs.unlinkSync(this.#path);
  }
}
