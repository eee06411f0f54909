import { invalidParameter } from "@berth/base";
import { withApiSocket } from "../container/api-socket.ts";
import { filesHashes } from "../container/copies.ts";
import { refuseUnsupported } from "../container/unsupported.ts";
import type { ContainerIndex } from "../execute/container-index.ts";
import { ensureImages, type Images } from "../images/ensure.ts";
import type { Service } from "../model.ts";
import type { ObservedProject } from "../observe/observed.ts";
import { withDependencies } from "../reconcile/dependencies.ts";
import type { RecreatePolicy } from "../reconcile/divergence.ts";
import type { UpOptions, UpPlan } from "../reconcile/up.ts";
import { serviceOf, type Target } from "../target.ts";
import { type ConvergeHooks, converge } from "./converge.ts";
import type { ComposeEngine } from "./engine.ts";

export interface UpRequest {
  /** Named services; empty: all. */
  services: readonly string[];
  dependencies: boolean;
  build?: boolean;
  pull?: string;
  quietPull?: boolean;
  recreate: RecreatePolicy;
  recreateDependencies: RecreatePolicy;
  renewAnonymousVolumes: boolean;
  removeOrphans: boolean;
  start: boolean;
  wait: boolean;
  timeout?: number;
  scale: ReadonlyMap<string, number>;
  scaleDown?: boolean;
  disabled?: readonly string[];
}

/** `up`, `create`, `scale`: images, then containers. Images and containers are looked at side by side. */
export async function up(
  engine: ComposeEngine,
  asked: Target,
  request: UpRequest,
  hooks: ConvergeHooks = {},
): Promise<{ plan: UpPlan; index: ContainerIndex; observed: ObservedProject; images: Images }> {
  const target = await withApiSocket(asked, engine.apiAccess);
  const { project } = target;
  const { dependencies } = request;
  const chosen = withDependencies(project.services, request.services, { dependencies });
  const named = new Set(request.services.length > 0 ? request.services : chosen);
  for (const name of request.scale.keys()) {
    if (!(name in project.services)) throw invalidParameter(`no such service: ${name}`);
  }
  const services = [...chosen].map((name) => serviceOf(target, name)!);
  for (const service of services) refuseUnsupported(service);
  const hashes = await filesHashes(target, services);
  for (const [name, count] of request.scale) {
    const warning = chosen.has(name) ? fixedPortWarning(name, project.services[name]!, count) : undefined;
    if (warning !== undefined) engine.progress.warn(warning);
  }
  const pending = ensureImages(engine, target, services, {
    separator: engine.separator,
    ...(request.build !== undefined && { build: request.build }),
    ...(request.pull !== undefined && { pull: request.pull }),
    ...(request.quietPull && { quietPull: true }),
  });
  pending.catch(() => {});
  const options: UpOptions = {
    services: chosen,
    named,
    recreate: request.recreate,
    recreateDependencies: request.recreateDependencies,
    renewAnonymousVolumes: request.renewAnonymousVolumes,
    removeOrphans: request.removeOrphans,
    start: request.start,
    wait: request.wait,
    scale: request.scale,
    separator: engine.separator,
    render: engine.render,
    filesHashes: hashes,
    ...(request.timeout !== undefined && { timeout: request.timeout }),
    ...(request.scaleDown !== undefined && { scaleDown: request.scaleDown }),
    ...(request.disabled !== undefined && { disabled: request.disabled }),
  };
  const result = await converge(engine, target, pending, options, hooks);
  return { ...result, images: await pending };
}

/** Several containers cannot have one port of the host: said before the second of them fails to start. */
function fixedPortWarning(name: string, { ports = [] }: Service, count: number): string | undefined {
  const port = ports.find(({ published = "" }) => /^[1-9]\d*$/.test(published))?.published;
  if (port === undefined || count < 2) return undefined;
  const range = `${port}-${Number(port) + count - 1}`;
  return `Service ${name} publishes port ${port} of the host, which only one of its ${count} containers can have. Leave the host's port out, or give a range: ${range}`;
}
