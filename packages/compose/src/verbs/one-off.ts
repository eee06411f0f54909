import { systemError } from "@berth/base";
import { configHash } from "../config-hash.ts";
import { withApiSocket } from "../container/api-socket.ts";
import { containerPlan } from "../container/body.ts";
import { copiedFiles } from "../container/copies.ts";
import { containerLabels } from "../container/names.ts";
import { securityOptionsOf } from "../container/security.ts";
import type { ContainerIndex } from "../execute/container-index.ts";
import { makeContainer } from "../execute/create-container.ts";
import type { Performer } from "../execute/perform.ts";
import type { Images } from "../images/ensure.ts";
import { LABEL } from "../labels.ts";
import type { ObservedProject } from "../observe/observed.ts";
import { PlanBuilder } from "../plan/operation.ts";
import { dependenciesOf } from "../reconcile/dependencies.ts";
import { planResources } from "../reconcile/resources.ts";
import type { NamedService, Target } from "../target.ts";
import { carryOut } from "./converge.ts";
import type { ComposeEngine } from "./engine.ts";

export interface OneOffOptions {
  name: string;
  observed: ObservedProject;
  index: ContainerIndex;
  images: Images;
  useAliases: boolean;
  attachStdin: boolean;
  autoRemove: boolean;
  /** Until what the service depends on is as it wants it. */
  waitForDependencies: boolean;
}

/** A container for `run`: of the project, and none of the service's. Not started. @returns its id. */
export async function createOneOff(
  engine: ComposeEngine,
  target: Target,
  asked: NamedService,
  options: OneOffOptions,
): Promise<string> {
  const { client, progress } = engine;
  const { observed, images, index } = options;
  const own = await withApiSocket(
    {
      ...target,
      project: { ...target.project, services: { ...target.project.services, [asked.name]: asked } },
    },
    engine.apiAccess,
  );
  const service: NamedService = { ...own.project.services[asked.name]!, name: asked.name };
  const performer: Performer = {
    client,
    target: own,
    index,
    imageIds: images.ids,
    imageNames: images.names,
    render: engine.render,
    progress,
  };
  const builder = new PlanBuilder();
  planResources(builder, own, observed, [service.name]);
  if (options.waitForDependencies) {
    for (const name of dependenciesOf(service)) {
      const dependency = service.depends_on?.[name];
      const containers = index.containersOf(name).map((each) => each.name);
      if (dependency === undefined || dependency.condition === "service_started" || containers.length === 0)
        continue;
      const { condition, required } = dependency;
      builder.add({ kind: "wait", service: name, containers, condition, required });
    }
  }
  await carryOut(performer, builder.build());
  const image = images.names.get(service.name);
  if (image === undefined) throw systemError(`no image for service ${service.name}`);
  const withImage = { ...service, image };
  const { name: _name, ...bare } = service;
  const labels = {
    ...containerLabels(own, withImage, {
      number: 1,
      oneOff: true,
      configHash: configHash(bare, engine.render, (other) => index.containersOf(other)) ?? "",
      imageId: images.ids.get(service.name) ?? "",
    }),
    [LABEL.slug]: options.name.slice(options.name.lastIndexOf("-") + 1),
  };
  const plan = containerPlan(own, withImage, {
    name: options.name,
    labels,
    references: index,
    useAliases: options.useAliases,
    attachStdin: options.attachStdin,
    autoRemove: options.autoRemove,
    ...(service.security_opt !== undefined && { securityOptions: await securityOptionsOf(own, service) }),
  });
  return makeContainer(performer, withImage, plan, options.name, await copiedFiles(own, service));
}
