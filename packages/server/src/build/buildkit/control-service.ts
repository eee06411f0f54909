import { Filters } from "@berth/api";
import type { BuildRecord, BuildRequest, CacheRecord, Exporter } from "@berth/api/build";
import { control, METHODS, session as messages, SESSION_HEADERS, timestamp } from "@berth/api/buildkit";
import { CODE, GrpcError, type ServerCall, type Services, unary } from "@berth/api/grpc";
import { invalidParameter, newId } from "@berth/base";
import { buildRequest } from "../attributes.ts";
import type { BuildService } from "../service.ts";
import { sessionCache, sessionExporter, sessionProviders, sessionSources } from "../session/client-side.ts";
import type { Session } from "../session/session.ts";
import { callConnection } from "./call-connection.ts";
import { VERSION, workerRecord } from "./capabilities.ts";
import { ClientBuild, type ClientBuilds, gatewayServices } from "./gateway.ts";
import { statusResponse } from "./progress.ts";
import { sessionFacts } from "./session-route.ts";

const PATH = "/moby.buildkit.v1.Control/";
const FRONTEND = "dockerfile.v0";

/** moby.buildkit.v1.Control with the gateway and the health service: all of `POST /grpc`. */
export function controlServices(service: BuildService): Services {
  const builds: ClientBuilds = { running: new Map(), results: service.results };
  const { builder } = service;
  return {
    ...gatewayServices(service, builds),
    [METHODS.health]: unary(messages.HealthCheckRequest, messages.HealthCheckResponse, () => ({ status: 1 })),
    [`${PATH}Solve`]: unary(control.SolveRequest, control.SolveResponse, (request, call) =>
      solve(service, builds, request, call),
    ),
    [`${PATH}Status`]: async (call) => {
      const { Ref } = await one(call, control.StatusRequest);
      const running = await service.running.find(Ref);
      const queue = running.read();
      const stop = () => queue.end();
      call.signal.addEventListener("abort", stop);
      try {
        for await (const events of queue.batches()) {
          if (call.signal.aborted) return;
          await call.write(control.StatusResponse.encode(statusResponse(events)));
        }
      } finally {
        running.forget(queue);
        call.signal.removeEventListener("abort", stop);
      }
    },
    [`${PATH}Session`]: async (call) => {
      const text = (name: string) => call.metadata.get(name)?.[0] ?? "";
      const facts = {
        id: text(SESSION_HEADERS.id),
        name: text(SESSION_HEADERS.name),
        sharedKey: text(SESSION_HEADERS.sharedKey),
        methods: call.metadata.get(SESSION_HEADERS.method) ?? [],
      };
      const checked = sessionFacts(facts, (id) => service.sessions.has(id));
      await service.sessions.serve(checked, callConnection(call));
    },
    [`${PATH}Info`]: unary(control.Empty, control.InfoResponse, () => ({ buildkitVersion: VERSION })),
    [`${PATH}ListWorkers`]: unary(control.Empty, control.ListWorkersResponse, () => ({
      record: [workerRecord(service)],
    })),
    [`${PATH}DiskUsage`]: unary(control.DiskUsageRequest, control.DiskUsageResponse, async ({ filter }) => ({
      record: (await builder.diskUsage(filtersOf(filter))).map(usageRecord),
    })),
    [`${PATH}Prune`]: async (call) => {
      const request = await one(call, control.PruneRequest);
      const filters = filtersOf(request.filter);
      const age = request.keepDuration / 1e9;
      const sending: Promise<void>[] = [];
      await builder.prune(
        {
          all: request.all,
          filters: age > 0 ? filters.with("until", `${Math.round(age)}s`) : filters,
          ...(request.keepBytes > 0 && { keepStorage: request.keepBytes }),
          ...(request.maxUsedSpace > 0 && { maxUsedSpace: request.maxUsedSpace }),
          ...(request.minFreeSpace > 0 && { minFreeSpace: request.minFreeSpace }),
        },
        call.signal,
        (record) => sending.push(call.write(control.UsageRecord.encode(usageRecord(record)))),
      );
      await Promise.all(sending);
    },
    [`${PATH}ListenBuildHistory`]: (call) => listenHistory(service, call),
    [`${PATH}UpdateBuildHistory`]: unary(
      control.UpdateBuildHistoryRequest,
      control.Empty,
      ({ Ref, Delete, Finalize }) => {
        if (Delete) builder.removeHistory(Ref);
        else if (!Finalize && !builder.history().some((record) => record.ref === Ref)) {
          throw new GrpcError(CODE.NOT_FOUND, `could not find build record ${Ref}`);
        }
        return {};
      },
    ),
  };
}

async function solve(
  service: BuildService,
  builds: ClientBuilds,
  request: control.SolveRequest,
  call: ServerCall,
) {
  const ref = request.Ref || newId();
  const { signal } = call;
  const session = request.Session === "" ? undefined : await service.sessions.find(request.Session, signal);
  if (request.Definition !== undefined && request.Definition.def.length > 0) {
    throw new GrpcError(CODE.UNIMPLEMENTED, "building from LLB is not supported: only Dockerfiles are built");
  }
  if (session === undefined) throw invalidParameter("a build needs a session");
  const client = request.Frontend === "" ? clientBuild(builds, ref, session) : undefined;
  const running = service.running.begin(ref);
  try {
    const asked =
      client !== undefined ? await client.returned(signal) : frontendRequest(ref, request, session);
    if (asked === undefined) return {};
    const built = { ...asked, ...exportsOf(request, session, asked) };
    const result = await service.running.build(built, running, signal);
    return { ExporterResponse: result.exporterResponse };
  } finally {
    builds.running.delete(ref);
    service.running.end(ref);
  }
}

function clientBuild(builds: ClientBuilds, ref: string, session: Session): ClientBuild {
  const build = new ClientBuild(ref, session, builds.results);
  builds.running.set(ref, build);
  return build;
}

function frontendRequest(ref: string, request: control.SolveRequest, session: Session): BuildRequest {
  if (request.Frontend !== FRONTEND) {
    throw new GrpcError(CODE.UNIMPLEMENTED, `frontend ${JSON.stringify(request.Frontend)} is not supported`);
  }
  return {
    ...buildRequest({
      ref,
      attributes: request.FrontendAttrs,
      exporters: [],
      cacheImports: [],
      cacheExports: [],
      entitlements: [],
      ...sessionSources(session),
    }),
    ...sessionProviders(session),
  };
}

function exportsOf(
  request: control.SolveRequest,
  session: Session,
  asked: BuildRequest,
): Pick<BuildRequest, "exporters" | "cacheTo" | "cacheFrom" | "entitlements"> {
  const list =
    request.Exporters.length > 0
      ? request.Exporters
      : request.Exporter === ""
        ? []
        : [{ Type: request.Exporter, Attrs: request.ExporterAttrs }];
  const exporters: Exporter[] = list
    .filter(({ Type }) => Type !== "cacheonly")
    .map(({ Type, Attrs }, at) => sessionExporter(Type, Attrs, session, at));
  const endpoint = ({ Type, Attrs }: { Type: string; Attrs: Record<string, string> }) =>
    sessionCache({ type: Type, attributes: Attrs }, session);
  return {
    exporters,
    entitlements: request.Entitlements,
    cacheTo: [...(asked.cacheTo ?? []), ...(request.Cache?.Exports ?? []).map(endpoint)],
    // Clients name them here and to the frontend.
    cacheFrom: [
      ...new Map(
        [...(asked.cacheFrom ?? []), ...(request.Cache?.Imports ?? []).map(endpoint)].map((each) => [
          JSON.stringify([each.type, Object.entries(each.attributes).sort()]),
          sessionCache(each, session),
        ]),
      ).values(),
    ],
  };
}

async function listenHistory({ builder }: BuildService, call: ServerCall): Promise<void> {
  const { ActiveOnly, Ref, EarlyExit } = await one(call, control.BuildHistoryRequest);
  const wanted = (record: BuildRecord) =>
    (Ref === "" || record.ref === Ref) && !(ActiveOnly && record.completedAt !== undefined);
  let writing = Promise.resolve();
  const tell = (record: BuildRecord, type: number) => {
    const event = control.BuildHistoryEvent.encode({ type, record: historyRecord(record) });
    writing = writing.then(() => call.write(event));
    writing.catch(() => {});
  };
  const typeOf = (record: BuildRecord) => (record.completedAt === undefined ? 0 : 1);
  using _listening = builder.onHistory((record, removed) => {
    if (EarlyExit) return;
    if (removed) tell(record, 2);
    else if (wanted(record) || (ActiveOnly && (Ref === "" || record.ref === Ref)))
      tell(record, typeOf(record));
  });
  for (const record of builder.history()) if (wanted(record)) tell(record, typeOf(record));
  if (!EarlyExit && !call.signal.aborted) {
    const { promise, resolve } = Promise.withResolvers<void>();
    call.signal.addEventListener("abort", () => resolve(), { once: true });
    await promise;
    return;
  }
  await writing;
}

function historyRecord(record: BuildRecord) {
  return {
    Ref: record.ref,
    Frontend: FRONTEND,
    FrontendAttrs: { ...record.attributes },
    Exporters: record.exporters.map(({ type, attributes }) => ({ Type: type, Attrs: { ...attributes } })),
    error:
      record.error === undefined ? undefined : { code: CODE.UNKNOWN, message: record.error, details: [] },
    CreatedAt: moment(record.createdAt),
    CompletedAt: moment(record.completedAt),
    ExporterResponse: record.exporterResponse,
    Generation: 1,
    pinned: false,
    numCachedSteps: record.cachedSteps,
    numTotalSteps: record.totalSteps,
    numCompletedSteps: record.completedSteps,
  };
}

function usageRecord(record: CacheRecord) {
  return {
    ID: record.id,
    Mutable: record.mutable,
    InUse: record.inUse,
    Size: record.size,
    Parent: "",
    CreatedAt: moment(record.createdAt),
    LastUsedAt: moment(record.lastUsedAt),
    UsageCount: record.usageCount,
    Description: record.description,
    RecordType: record.type,
    Shared: record.shared,
    Parents: [...record.parents],
  };
}

function moment(text: string | undefined) {
  return text === undefined ? undefined : timestamp(BigInt(Date.parse(text)) * 1_000_000n);
}

/** `key==value`, `key~=value`, `key` as containerd writes filters. */
function filtersOf(list: readonly string[]): Filters {
  let filters = Filters.parse(null);
  for (const text of list.flatMap((each) => each.split(","))) {
    if (text.trim() === "") continue;
    const found = /^([\w.-]+)(?:(==|~=|!=)(.*))?$/.exec(text.trim());
    if (found === null || found[2] === "!=") throw invalidParameter(`invalid filter ${JSON.stringify(text)}`);
    filters = filters.with(found[1] as string, found[3] ?? "true");
  }
  return filters;
}

async function one<T extends object>(call: ServerCall, type: { decode(data: Uint8Array): T }): Promise<T> {
  let value: T | undefined;
  // Read to its end: leaving the loop early would cancel the stream, answer and all.
  for await (const message of call.messages()) value ??= type.decode(message);
  if (value === undefined) throw new GrpcError(CODE.INVALID_ARGUMENT, "the request has no message");
  return value;
}
