import { describe, expect, test } from "bun:test";
import type { ContainerSummary } from "@berth/api";
import { configHash } from "../config-hash.ts";
import { LABEL } from "../labels.ts";
import type { Project, Service } from "../model.ts";
import { type ObservedProject, observedContainer } from "../observe/observed.ts";
import { describePlan } from "../plan/operation.ts";
import { serviceJson } from "../print/render.ts";
import type { Target } from "../target.ts";
import { planDown } from "../verbs/down.ts";
import { inOrder, withDependencies } from "./dependencies.ts";
import { reconcileUp, type UpOptions } from "./up.ts";

const base = { command: null, entrypoint: null } as const;
const IMAGE = "sha256:1";

function targetOf(services: Record<string, Partial<Service>>, more: Partial<Project> = {}): Target {
  const project: Project = {
    name: "shop",
    services: Object.fromEntries(
      Object.entries(services).map(([name, service]) => [
        name,
        { ...base, image: "busybox", networks: { default: null }, ...service },
      ]),
    ),
    networks: { default: { name: "shop_default", ipam: {} } },
    volumes: {},
    secrets: {},
    configs: {},
    models: {},
    ...more,
  };
  return {
    project,
    workingDirectory: "/shop",
    files: ["/shop/compose.yaml"],
    environmentFiles: [],
    environment: {},
  };
}

const nothing: ObservedProject = { name: "shop", containers: [], networks: [], volumes: [] };

function optionsOf(target: Target, more: Partial<UpOptions> = {}): UpOptions {
  const all = new Set(Object.keys(target.project.services));
  return {
    services: all,
    named: all,
    recreate: "diverged",
    recreateDependencies: "diverged",
    renewAnonymousVolumes: false,
    removeOrphans: false,
    start: true,
    scale: new Map(),
    wait: false,
    separator: "-",
    render: serviceJson,
    ...more,
  };
}

const idsOf = (target: Target) => new Map(Object.keys(target.project.services).map((name) => [name, IMAGE]));

function planOf(target: Target, observed: ObservedProject, more: Partial<UpOptions> = {}): string {
  return describePlan(reconcileUp(target, observed, idsOf(target), optionsOf(target, more)).plan);
}

/** The project as it is when an `up` has ended. */
function brought(target: Target, state: "running" | "exited" = "running"): ObservedProject {
  const containers = Object.entries(target.project.services).map(([name, service], at) =>
    observedContainer({
      Id: `${at}${"a".repeat(63)}`,
      Names: [`/shop-${name}-1`],
      Image: "busybox",
      ImageID: IMAGE,
      State: state,
      Status: state === "running" ? "Up 1 second" : "Exited (0) 1 second ago",
      Labels: {
        [LABEL.service]: name,
        [LABEL.number]: "1",
        [LABEL.oneOff]: "False",
        [LABEL.image]: IMAGE,
        [LABEL.configHash]: configHash(service, serviceJson, () => []) ?? "",
      },
      NetworkSettings: { Networks: { shop_default: { NetworkID: "n1" } } },
      Mounts: [],
    } as unknown as ContainerSummary),
  );
  const network = { Name: "shop_default", Id: "n1", Labels: { [LABEL.network]: "default" } };
  return { name: "shop", containers, networks: [network as never], volumes: [] };
}

describe("up", () => {
  test("from nothing: networks, volumes, containers, then starts after what they depend on", () => {
    const target = targetOf(
      {
        web: {
          depends_on: {
            db: { condition: "service_healthy", required: true },
            job: { condition: "service_completed_successfully", required: true },
          },
        },
        db: { volumes: [{ type: "volume", source: "data", target: "/data" }] },
        job: { post_start: [{ command: ["true"] }] },
      },
      { volumes: { data: { name: "shop_data" } } },
    );
    expect(planOf(target, nothing)).toBe(
      [
        "create network default",
        "create volume data",
        "create container shop-db-1",
        "create container shop-job-1",
        "create container shop-web-1",
        "start container shop-db-1",
        "start container shop-job-1",
        "run post_start hook 1 in shop-job-1",
        "wait for shop-db-1: service_healthy",
        "wait for shop-job-1: service_completed_successfully",
        "start container shop-web-1",
        "",
      ].join("\n"),
    );
  });

  test("nothing starts before all is made", () => {
    const target = targetOf({ a: {}, b: {} });
    const { steps } = reconcileUp(target, nothing, idsOf(target), optionsOf(target)).plan;
    const join = steps.find(({ operation }) => operation.kind === "join")!;
    const creates = steps.filter(({ operation }) => operation.kind === "create-container");
    expect(creates.every(({ id }) => join.after.includes(id))).toBe(true);
    const starts = steps.filter(({ operation }) => operation.kind === "start-container");
    expect(starts.every(({ after }) => after.includes(join.id))).toBe(true);
  });

  test("when nothing changed there is nothing to do", () => {
    const target = targetOf({
      web: { depends_on: { db: { condition: "service_started", required: true } } },
      db: {},
    });
    expect(planOf(target, brought(target))).toBe("");
  });

  test("what has ended is started", () => {
    const target = targetOf({ db: {} });
    expect(planOf(target, brought(target, "exited"))).toBe("start container shop-db-1\n");
  });

  test("only what changed is made anew; build, pull policy and scale change nothing", () => {
    const before = targetOf({ web: {}, db: {} });
    const target = targetOf({
      web: { environment: { A: "1" } },
      db: { build: { context: "/x" }, pull_policy: "always", scale: 1 },
    });
    const old = brought(before).containers[0]!.id.slice(0, 12);
    expect(planOf(target, brought(before))).toBe(
      [
        `create container shop-web-1 in place of ${old}`,
        "stop container shop-web-1",
        "remove container shop-web-1",
        "rename container shop-web-1",
        "start container shop-web-1",
        "",
      ].join("\n"),
    );
  });

  test("a new image, a network that was made anew, --force-recreate; --no-recreate", () => {
    const target = targetOf({ web: {} });
    const observed = brought(target);
    const { plan } = reconcileUp(target, observed, new Map([["web", "sha256:2"]]), optionsOf(target));
    expect(describePlan(plan)).toContain("in place of");
    const other = { ...observed, networks: [{ ...observed.networks[0]!, Id: "n2" }] };
    expect(planOf(target, other)).toContain("in place of");
    expect(planOf(target, observed, { recreate: "force" })).toContain("in place of");
    expect(planOf(target, other, { recreate: "never" })).toBe("");
  });

  test("services that share a namespace are made anew with their owner", () => {
    const side = { network_mode: "service:db", networks: {} };
    const before = targetOf({ db: {}, side });
    const observed = brought(before);
    observed.containers[1]!.configHash = configHash(before.project.services.side!, serviceJson, () => [
      { id: observed.containers[0]!.id, name: "shop-db-1", number: 1 },
    ])!;
    expect(planOf(before, observed)).toBe("");
    const target = targetOf({ db: { user: "1" }, side });
    const plan = planOf(target, observed);
    expect(plan.match(/in place of/g)).toHaveLength(2);
  });

  test("dependents with restart: true stop while what they need is made anew, and start again", () => {
    const web = {
      depends_on: { db: { condition: "service_started" as const, restart: true, required: true } },
    };
    const plan = planOf(targetOf({ db: { user: "1" }, web }), brought(targetOf({ db: {}, web })));
    expect(plan).toContain("stop container shop-web-1");
    expect(plan).toEndWith("start container shop-db-1\nstart container shop-web-1\n");
  });

  test("dependents with restart: true that are not brought up restart; those that share a namespace are left", () => {
    const target = targetOf({
      db: {},
      web: { depends_on: { db: { condition: "service_started", restart: true, required: true } } },
      lone: {
        network_mode: "service:db",
        networks: {},
        depends_on: { db: { condition: "service_started", restart: true, required: true } },
      },
    });
    const observed = brought(target);
    target.project.services.db!.environment = { A: "1" };
    const plan = planOf(target, observed, { services: new Set(["db"]), named: new Set(["db"]) });
    expect(plan).toEndWith("start container shop-db-1\nrestart container shop-web-1\n");
    expect(plan).not.toContain("lone");
  });

  test("scale: up with the next numbers, down from the highest", () => {
    const target = targetOf({ web: {} });
    expect(planOf(target, brought(target), { scale: new Map([["web", 3]]) })).toBe(
      [
        "create container shop-web-2",
        "create container shop-web-3",
        "start container shop-web-2",
        "start container shop-web-3",
        "",
      ].join("\n"),
    );
    expect(planOf(target, brought(target), { scale: new Map([["web", 0]]) })).toBe(
      "stop container shop-web-1\nremove container shop-web-1\n",
    );
  });

  test("a replacement that was cut off is finished or taken away", () => {
    const target = targetOf({ web: {} });
    const observed = brought(target);
    const [old] = observed.containers;
    const half = {
      ...old!,
      id: "b".repeat(64),
      name: `${old!.id.slice(0, 12)}_shop-web-1`,
      replaces: old!.id,
      state: "created" as const,
    };
    expect(planOf(target, { ...observed, containers: [old!, half] })).toBe(`remove container ${half.name}\n`);
    // By force too: it was made anew, and another `up` may be at it.
    for (const recreate of ["diverged", "force"] as const) {
      expect(planOf(target, { ...observed, containers: [half] }, { recreate })).toBe(
        "rename container shop-web-1\nstart container shop-web-1\n",
      );
    }
  });

  test("orphans are told, and removed when asked", () => {
    const before = targetOf({ web: {}, old: {} });
    const target = targetOf({ web: {} });
    const result = reconcileUp(target, brought(before), idsOf(target), optionsOf(target));
    expect(result.orphans.map(({ name }) => name)).toEqual(["shop-old-1"]);
    expect(describePlan(result.plan)).toBe("");
    expect(planOf(target, brought(before), { removeOrphans: true })).toBe(
      "stop container shop-old-1\nremove container shop-old-1\n",
    );
  });

  test("a fixed name cannot be scaled", () => {
    const target = targetOf({ web: { container_name: "one" } });
    expect(() => planOf(target, nothing, { scale: new Map([["web", 2]]) })).toThrow("custom container name");
  });
});

describe("down", () => {
  test("those that need others go first; then networks", () => {
    const target = targetOf({
      web: { depends_on: { db: { condition: "service_started", required: true } } },
      db: {},
    });
    const options = { services: [], removeOrphans: false, volumes: false, images: "none" as const };
    const { plan } = planDown(target, brought(target), options);
    expect(describePlan(plan)).toBe(
      [
        "stop container shop-web-1",
        "remove container shop-web-1",
        "stop container shop-db-1",
        "remove container shop-db-1",
        "remove network shop_default",
        "",
      ].join("\n"),
    );
  });
});

describe("dependencies", () => {
  test("a cycle is told with its path", () => {
    const need = (name: string) => ({
      ...base,
      depends_on: { [name]: { condition: "service_started" as const, required: true } },
    });
    expect(() => inOrder({ a: need("b"), b: need("c"), c: need("a") })).toThrow("a -> b -> c -> a");
  });

  test("named services bring what they need", () => {
    const { services } = targetOf({
      web: { depends_on: { db: { condition: "service_started", required: true } } },
      db: {},
      other: {},
    }).project;
    expect([...withDependencies(services, ["web"], { dependencies: true })]).toEqual(["web", "db"]);
    expect([...withDependencies(services, ["web"], { dependencies: false })]).toEqual(["web"]);
    expect(() => withDependencies(services, ["nope"], { dependencies: true })).toThrow(
      "no such service: nope",
    );
  });
});
