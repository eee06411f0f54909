import type { BuildRequest, ContextSource } from "@berth/api/build";
import { control, gateway, Op, RpcStatus } from "@berth/api/buildkit";
import { CODE, GrpcError, type ServerCall, type Services, unary } from "@berth/api/grpc";
import { newId, sha256 } from "@berth/base";
import { buildRequest } from "../attributes.ts";
import type { BuildService } from "../service.ts";
import { sessionProviders, sessionSources } from "../session/client-side.ts";
import type { Session } from "../session/session.ts";
import { frontendCapabilities, llbCapabilities, workerRecord } from "./capabilities.ts";
import { resultFile, sourceDockerfile } from "./result-files.ts";

const BUILD_ID = "buildkit-controlapi-buildid";
const FRONTEND = "dockerfile.v0";
const SOURCE = "berth-result://";
const PATH = "/moby.buildkit.v1.frontend.LLBBridge/";

/** What a client's own build function asked for: results that nobody evaluated yet, and which of them it returned. */
export class ClientBuild {
  readonly ref: string;
  readonly session: Session;
  /** Requests by the name of their result. */
  readonly #results: Map<string, BuildRequest>;
  readonly #returned = Promise.withResolvers<string | undefined>();

  constructor(ref: string, session: Session, results: Map<string, BuildRequest>) {
    this.ref = ref;
    this.session = session;
    this.#results = results;
    this.#returned.promise.catch(() => {});
  }

  add(request: BuildRequest): string {
    const id = newId();
    for (const oldest of this.#results.keys()) {
      if (this.#results.size < RESULT_LIMIT) break;
      this.#results.delete(oldest);
    }
    this.#results.set(id, request);
    return id;
  }

  get(id: string): BuildRequest | undefined {
    return this.#results.get(id);
  }

  returnResult(id: string | undefined): void {
    this.#returned.resolve(id);
  }

  fail(error: unknown): void {
    this.#returned.reject(error);
  }

  /** The request whose result the client returned; undefined for none. */
  async returned(signal: AbortSignal): Promise<BuildRequest | undefined> {
    const abort = () => this.#returned.reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    try {
      const id = await this.#returned.promise;
      return id === undefined ? undefined : this.#results.get(id);
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }
}

/** Builds whose requests come through the gateway, by the name of the build. */
export interface ClientBuilds {
  running: Map<string, ClientBuild>;
  /** Requests by the name of their result: a client's builds use each other's, over several connections. */
  results: Map<string, BuildRequest>;
}

/** So many results are known at once; the oldest are forgotten. */
const RESULT_LIMIT = 1000;

/** moby.buildkit.v1.frontend.LLBBridge, as far as a Dockerfile build of a client needs it. */
export function gatewayServices(service: BuildService, builds: ClientBuilds): Services {
  const { Empty } = control;
  const find = async (call: ServerCall): Promise<ClientBuild> => {
    const ref = call.metadata.get(BUILD_ID)?.[0] ?? "";
    await service.running.find(ref).catch(() => undefined);
    const build = builds.running.get(ref);
    if (build === undefined) throw new GrpcError(CODE.UNKNOWN, `no such job ${ref}`);
    return build;
  };
  const file = async (call: ServerCall, ref: string, path: string) => {
    const request = (await find(call)).get(ref);
    if (request === undefined) throw new GrpcError(CODE.NOT_FOUND, `no such ref ${ref}`);
    return resultFile(service, request, path, call.signal);
  };
  const refuse = (what: string) => async () => {
    throw new GrpcError(CODE.UNIMPLEMENTED, `${what} is not supported by this builder`);
  };
  return {
    [`${PATH}Ping`]: unary(Empty, gateway.PongResponse, async () => ({
      FrontendAPICaps: frontendCapabilities(),
      LLBCaps: llbCapabilities(),
      Workers: [workerRecord(service)],
    })),
    [`${PATH}Solve`]: unary(gateway.SolveRequest, gateway.SolveResponse, async (request, call) => {
      const build = await find(call);
      const source = request.Frontend === "" ? sourceDockerfile(request) : undefined;
      if (source !== undefined) {
        const dockerfile = { kind: "text" as const, text: source };
        return resultOf(request, build.add({ dockerfile, ...sessionProviders(build.session) }));
      }
      if (request.Frontend !== FRONTEND) {
        const named = request.Frontend === "gateway.v0" ? ` ${request.FrontendOpt.source ?? ""}` : "";
        throw new GrpcError(
          CODE.UNIMPLEMENTED,
          `frontend ${JSON.stringify(request.Frontend)}${named} is not supported: only Dockerfiles are built`,
        );
      }
      if (request.FrontendOpt.requestid)
        return { result: await subrequest(service, build, request, call.signal) };
      const inputs = await linkedResults(service, build, request, call.signal);
      return resultOf(request, build.add(asRequest(build, request, inputs)));
    }),
    [`${PATH}Return`]: unary(gateway.ReturnRequest, Empty, async ({ result, error }, call) => {
      const build = await find(call);
      if (error !== undefined && error.code !== 0) {
        // What comes back begins with the code's name when it was ours.
        const message = error.message.replace(
          /^(?:Canceled|Unauthenticated|Unavailable|Unimplemented): /,
          "",
        );
        build.fail(new GrpcError(error.code, message, RpcStatus.encode({ ...error, message })));
      } else {
        const [first] = Object.values(result?.refs?.refs ?? {});
        build.returnResult(result?.ref?.id ?? first?.id ?? (result?.refString || undefined));
      }
      return {};
    }),
    [`${PATH}Evaluate`]: unary(gateway.EvaluateRequest, Empty, async ({ Ref }, call) => {
      const build = await find(call);
      const request = build.get(Ref);
      if (request === undefined) throw new GrpcError(CODE.NOT_FOUND, `no such ref ${Ref}`);
      const { cacheTo: _, ...rest } = request;
      await service.running.build({ ...rest, exporters: [] }, service.running.begin(build.ref), call.signal);
      return {};
    }),
    [`${PATH}Inputs`]: unary(Empty, gateway.InputsResponse, () => ({})),
    [`${PATH}Warn`]: unary(gateway.WarnRequest, Empty, () => ({})),
    [`${PATH}ResolveImageConfig`]: refuse("resolving images for a client's own build function"),
    [`${PATH}ResolveSourceMeta`]: refuse("resolving sources for a client's own build function"),
    [`${PATH}ReadFile`]: unary(gateway.ReadFileRequest, gateway.ReadFileResponse, async (request, call) => {
      const { data } = await file(call, request.Ref, request.FilePath);
      const { Offset = 0, Length = 0 } = request.Range ?? {};
      return { Data: data.subarray(Offset, Length > 0 ? Offset + Length : undefined) };
    }),
    [`${PATH}ReadDir`]: refuse("reading folders of a result"),
    [`${PATH}StatFile`]: unary(gateway.StatFileRequest, gateway.StatFileResponse, async (request, call) => ({
      stat: (await file(call, request.Ref, request.Path)).stat,
    })),
    [`${PATH}NewContainer`]: refuse("a container from a result"),
    [`${PATH}ExecProcess`]: refuse("a process in a result"),
  };
}

function resultOf(request: gateway.SolveRequest, id: string) {
  const ref = { id, def: definitionOf(id) };
  return request.allowResultReturn
    ? { result: { refString: "", ref, refs: undefined, metadata: {} } }
    : { ref: id };
}

const RESULTS = [{ name: "result.json" }, { name: "result.txt" }];

const SUBREQUESTS = [
  {
    name: "frontend.subrequests.describe",
    version: "1.0.0",
    type: "rpc",
    description: "List available subrequest types",
    metadata: RESULTS,
  },
  {
    name: "frontend.outline",
    version: "1.0.0",
    type: "rpc",
    description: "List all parameters current build target supports",
    opts: [{ name: "target", description: "Target build stage" }],
    metadata: RESULTS,
  },
  {
    name: "frontend.targets",
    version: "1.0.0",
    type: "rpc",
    description: "List all targets current build supports",
    metadata: RESULTS,
  },
  {
    name: "frontend.lint",
    version: "1.0.0",
    type: "rpc",
    description: "Lint a Dockerfile",
    opts: [{ name: "target", description: "Target build stage" }],
    metadata: [...RESULTS, { name: "result.statuscode" }],
  },
];

/** What is asked about the Dockerfile (`--print=outline`); the answer is the result's metadata. */
async function subrequest(
  service: BuildService,
  build: ClientBuild,
  request: gateway.SolveRequest,
  signal: AbortSignal,
): Promise<gateway.Result> {
  const name = request.FrontendOpt.requestid ?? "";
  const answer: Record<string, string> =
    name === "frontend.subrequests.describe"
      ? {
          "result.json": JSON.stringify(SUBREQUESTS),
          "result.txt": SUBREQUESTS.map((each) => `${each.name.padEnd(31)}${each.description}\n`).join(""),
        }
      : (
          await service.running.build(
            asRequest(build, request, new Map()),
            service.running.begin(build.ref),
            signal,
          )
        ).exporterResponse;
  const metadata: Record<string, Uint8Array> = { version: Buffer.from("1.0.0") };
  for (const [key, value] of Object.entries(answer)) metadata[key] = Buffer.from(value);
  return { refString: "", ref: undefined, refs: undefined, metadata };
}

/** A definition that names a result; the last operation of any has no content and one input. */
function definitionOf(id: string) {
  const source = Op.encode({ source: { identifier: SOURCE + id, attrs: {} } });
  const last = Op.encode({ inputs: [{ digest: sha256(source), index: 0 }] });
  const metadata = Object.fromEntries([source, last].map((op) => [sha256(op), { ignoreCache: false }]));
  return { def: [source, last], metadata };
}

/**
 * Results of other builds of the client that this one takes as contexts (`target:` contexts of `bake`): each is built
 * into an image without a name, which the cache makes cheap when it was built before.
 */
async function linkedResults(
  service: BuildService,
  build: ClientBuild,
  request: gateway.SolveRequest,
  signal: AbortSignal,
): Promise<Map<string, ContextSource>> {
  const found = new Map<string, ContextSource>();
  for (const [name, definition] of Object.entries(request.FrontendInputs)) {
    const identifier = definition.def.map((op) => Op.decode(op).source?.identifier ?? "").find(Boolean);
    const other = identifier?.startsWith(SOURCE) ? build.get(identifier.slice(SOURCE.length)) : undefined;
    if (other === undefined) {
      throw new GrpcError(CODE.UNIMPLEMENTED, `the input ${name} is no result of this builder`);
    }
    const running = service.running.begin(build.ref);
    const exporters = [{ type: "image" as const, attributes: {} }];
    const { imageId } = await service.running.build({ ...other, cacheTo: [], exporters }, running, signal);
    if (imageId === undefined) throw new GrpcError(CODE.INTERNAL, `the input ${name} has no image`);
    found.set(name, { kind: "image", reference: imageId });
  }
  return found;
}

function asRequest(
  build: ClientBuild,
  request: gateway.SolveRequest,
  inputs: ReadonlyMap<string, ContextSource>,
): BuildRequest {
  const { session } = build;
  const sources = sessionSources(session);
  const built = buildRequest({
    ref: build.ref,
    attributes: request.FrontendOpt,
    exporters: [],
    cacheImports: request.CacheImports.map(({ Type, Attrs }) => ({ type: Type, attributes: Attrs })),
    cacheExports: [],
    entitlements: [],
    ...sources,
    input: (name) => inputs.get(name),
  });
  return { ...built, ...sessionProviders(session) };
}
