import { expect, test } from "bun:test";
import { DIGEST, setup } from "../graph/fake-images.ts";
import type { GraphOptions } from "../graph/options.ts";
import { KnownGraphs } from "./known-graphs.ts";

const TEXT = "FROM base\nARG A=1\nRUN echo $A\nCOPY x /x\n";

test("the same text, options and images have one graph, and images are looked up each time", async () => {
  const graphs = new KnownGraphs();
  const { options, looked } = setup({ buildArgs: { A: "2" } });
  const graph = await graphs.graphOf(TEXT, options);
  expect(await graphs.graphOf(TEXT, { ...options, buildArgs: { A: "2" } })).toBe(graph);
  expect(looked).toEqual(Array(2).fill("docker.io/library/base:latest"));
});

const others: [string, string, Partial<GraphOptions>][] = [
  ["another text", `${TEXT}RUN more\n`, {}],
  ["another argument", TEXT, { buildArgs: { A: "3" } }],
  ["another pattern of the ignore file", TEXT, { excludes: { context: ["y"] } }],
  ["another platform", TEXT, { platform: { os: "linux", architecture: "arm64" } }],
];

test.each(others)("%s has another graph", async (_name, text, more) => {
  const graphs = new KnownGraphs();
  const { options } = setup({ buildArgs: { A: "2" } });
  const graph = await graphs.graphOf(TEXT, options);
  const other = await graphs.graphOf(text, { ...options, ...more });
  expect(other).not.toBe(graph);
  expect(other.nodes).not.toEqual(graph.nodes);
});

test("a name that means another image has another graph", async () => {
  const graphs = new KnownGraphs();
  const { options } = setup();
  const graph = await graphs.graphOf(TEXT, options);
  const digest = `sha256:${"c".repeat(64)}` as const;
  const other = await graphs.graphOf(TEXT, {
    ...options,
    resolveImageConfig: async (...asked) => ({ ...(await options.resolveImageConfig(...asked)), digest }),
  });
  expect(graph.nodes[0]).not.toMatchObject({ digest });
  expect(other.nodes[0]).toMatchObject({ digest });
});

test("an image of another platform under the same digest has another graph", async () => {
  const graphs = new KnownGraphs();
  const { options } = setup();
  const graph = await graphs.graphOf(TEXT, options);
  const other = await graphs.graphOf(TEXT, {
    ...options,
    async resolveImageConfig(...asked) {
      const { config, ...answer } = await options.resolveImageConfig(...asked);
      return { ...answer, config: { ...config, rootfs: { type: "layers", diff_ids: [DIGEST] } } };
    },
  });
  expect(graph.nodes[0]).not.toMatchObject({ diffIds: [DIGEST] });
  expect(other.nodes[0]).toMatchObject({ diffIds: [DIGEST] });
});

test("an image that is gone is told as without a graph of before", async () => {
  const { options } = setup();
  const gone: GraphOptions = {
    ...options,
    resolveImageConfig: () => Promise.reject(Object.assign(new Error("no such image"), { kind: "system" })),
  };
  const graphs = new KnownGraphs();
  await graphs.graphOf(TEXT, options);
  const [fresh, later] = await Promise.allSettled([
    new KnownGraphs().graphOf(TEXT, gone),
    graphs.graphOf(TEXT, gone),
  ]);
  expect(later).toEqual(fresh);
  expect(later.status).toBe("rejected");
});

test("an image that is gone ends looking for the others", async () => {
  const { options } = setup();
  const graphs = new KnownGraphs();
  const text = "FROM tools\nFROM base\nCOPY --from=0 /t /t\n";
  await graphs.graphOf(text, options);
  const lookups = new Map<string, ReturnType<GraphOptions["resolveImageConfig"]>>();
  const build = graphs.graphOf(text, {
    ...options,
    resolveImageConfig(reference, _platform, { signal }) {
      let lookup = lookups.get(reference);
      if (lookup === undefined) {
        const { promise, reject } = Promise.withResolvers<never>();
        if (reference.includes("base")) reject(new Error("no such image"));
        else signal?.addEventListener("abort", () => reject(signal.reason));
        lookup = promise;
        lookups.set(reference, lookup);
      }
      return lookup;
    },
  });
  await expect(build).rejects.toThrow("no such image");
  expect(lookups.size).toBe(2);
});

test("a graph that is much larger than its text is not kept", async () => {
  const graphs = new KnownGraphs();
  const { options } = setup();
  const doubled = Array.from({ length: 16 }, () => "ENV A=$A$A\n").join("");
  const text = (name: string) => `FROM base\nENV A=12345678\n${doubled}RUN ${name}\n`;
  const graph = await graphs.graphOf(text("x"), options);
  expect(await graphs.graphOf(text("x"), options)).not.toBe(graph);
});

test("of many texts the oldest is forgotten", async () => {
  const graphs = new KnownGraphs();
  const { options } = setup();
  const first = await graphs.graphOf("FROM base\n", options);
  for (let i = 0; i < 31; i++) await graphs.graphOf(`FROM base\nRUN ${i}\n`, options);
  expect(await graphs.graphOf("FROM base\n", options)).toBe(first);
  for (let i = 31; i < 63; i++) await graphs.graphOf(`FROM base\nRUN ${i}\n`, options);
  expect(await graphs.graphOf("FROM base\n", options)).not.toBe(first);
});
