import { expect, test } from "bun:test";
import type { ProgressEvent, Vertex } from "@berth/api/build";
import { sha256 } from "@berth/base";
import { ConfigSteps } from "./config-steps.ts";
import { type ClassicMessage, ClassicMessages, failure } from "./messages.ts";

function vertex(line: number, text: string, more: Partial<Vertex> = {}): ProgressEvent {
  const source = { file: "Dockerfile", startLine: line, endLine: line, text };
  return {
    type: "vertex",
    vertex: {
      ...{ digest: sha256(text), name: text, inputs: [], cached: false, result: sha256(`${line}`) },
      step: { stage: "", number: line, total: 3, text, source },
      ...more,
    },
  };
}

function log(text: string, data: string, stream: 1 | 2 = 1): ProgressEvent {
  return {
    type: "log",
    log: { vertex: sha256(text), stream, data: new TextEncoder().encode(data), timestamp: 1n },
  };
}

function streamOf(events: ProgressEvent[], end?: (messages: ClassicMessages) => void): ClassicMessage[] {
  const sent: ClassicMessage[] = [];
  const messages = new ClassicMessages((message) => sent.push(message));
  for (const event of events) messages.event(event);
  end?.(messages);
  return sent;
}

const done = { started: 1n, completed: 2n };

test("steps side by side are told one after the other", () => {
  const sent = streamOf(
    [
      vertex(1, "FROM a"),
      vertex(2, "RUN x"),
      vertex(3, "COPY b /"),
      vertex(1, "FROM a", { cached: true, ...done }),
      vertex(3, "COPY b /", done),
      vertex(2, "RUN x", { started: 1n }),
      log("RUN x", "out\n"),
      log("RUN x", "err\n", 2),
      vertex(2, "RUN x", done),
    ],
    (messages) => {
      const imageId = sha256("image");
      messages.finish({ ref: "", imageId, exporterResponse: {}, steps: [] }, ["a:latest"]);
    },
  );
  const short = (text: string) => sha256(text).slice(7, 19);
  expect(sent.map((message) => message.stream ?? "").join("")).toBe(
    `Step 1/3 : FROM a\n ---> ${short("1")}\n` +
      `Step 2/3 : RUN x\n ---> Running in ${short("RUN x")}\nout\n\x1b[91merr\n\x1b[0m` +
      `Removing intermediate container ${short("RUN x")}\n ---> ${short("2")}\n` +
      `Step 3/3 : COPY b /\n ---> ${short("3")}\n` +
      `Successfully built ${short("image")}\nSuccessfully tagged a:latest\n`,
  );
  expect(sent.filter((message) => message.aux !== undefined)).toEqual([{ aux: { ID: sha256("image") } }]);
});

test("instructions that nobody executes have their steps too, and the last one's id is the image's", () => {
  const sent: ClassicMessage[] = [];
  const messages = new ClassicMessages((message) => sent.push(message));
  messages.plan([
    { text: "FROM a AS one", line: 1 },
    { text: "ENV k=v", line: 2 },
    { text: "RUN x", line: 3 },
    { text: "FROM one", line: 4 },
    { text: "COPY b /", line: 5 },
    { text: "CMD y", line: 6 },
  ]);
  for (const event of [
    vertex(1, "FROM a AS one"),
    vertex(3, "RUN x"),
    vertex(5, "COPY b /"),
    vertex(1, "FROM a AS one", { cached: true, ...done }),
    vertex(3, "RUN x", { cached: true, ...done }),
    vertex(5, "COPY b /", done),
  ])
    messages.event(event);
  const imageId = sha256("image");
  messages.finish({ ref: "", imageId, exporterResponse: {}, steps: [] }, []);
  const text = sent.map((message) => message.stream ?? "").join("");
  const id = "[0-9a-f]{12}";
  expect(text).toMatch(
    new RegExp(
      `^Step 1/6 : FROM a AS one\\n ---> ${id}\\n` +
        `Step 2/6 : ENV k=v\\n ---> Using cache\\n ---> ${id}\\n` +
        `Step 3/6 : RUN x\\n ---> Using cache\\n ---> (${id})\\n` +
        `Step 4/6 : FROM one\\n ---> \\1\\n` +
        `Step 5/6 : COPY b /\\n ---> ${id}\\n` +
        `Step 6/6 : CMD y\\n ---> Running in ${id}\\nRemoving intermediate container ${id}\\n ---> (${id})\\n` +
        `Successfully built \\2\\n$`,
    ),
  );
});

/** Which steps of a file are told as cached, after the same and other files were built; nothing of them is executed but RUN. */
function cachedSteps(made: Set<string>, text: string, request: object = {}, ran = "first"): boolean[] {
  const sent: ClassicMessage[] = [];
  const messages = new ClassicMessages((message) => sent.push(message), {
    config: new ConfigSteps(made, request),
  });
  const plan = text.split("\n").map((each, at) => ({ text: each, line: at + 1 }));
  messages.plan(plan);
  const executed = plan.filter(({ text: each }) => /^(FROM busybox|RUN)/.test(each));
  for (const { text: each, line } of executed) messages.event(vertex(line, each));
  for (const { text: each, line } of executed)
    messages.event(
      vertex(line, each, {
        ...done,
        cached: /^FROM/.test(each),
        result: sha256(`${each.replace(" AS one", "")}${ran}`),
      }),
    );
  messages.finish({ ref: "", imageId: sha256("image"), exporterResponse: {}, steps: [] }, []);
  const told = sent.map((message) => message.stream ?? "").join("");
  return told
    .split(/^Step /m)
    .slice(1)
    .map((step) => step.includes("Using cache"));
}

test("instructions that nobody executes are from the cache when they have come to the same before", () => {
  const made = new Set<string>();
  const file = "FROM busybox\nENV a=b\nLABEL c=d\nCMD x";
  expect(cachedSteps(made, file)).toEqual([false, false, false, false]);
  expect(cachedSteps(made, file)).toEqual([false, true, true, true]);
  expect(cachedSteps(made, `${file}y`)).toEqual([false, true, true, false]);
  expect(cachedSteps(made, "FROM busybox\nLABEL c=d\nCMD x")).toEqual([false, false, false]);
  expect(cachedSteps(made, "FROM busybox AS one\nENV a=b\nFROM one\nLABEL c=d")).toEqual([
    false,
    true,
    false,
    true,
  ]);
  expect(cachedSteps(made, file, { noCache: true })).toEqual([false, false, false, false]);
  expect(cachedSteps(made, file, {}, "base")).toEqual([false, false, false, false]);
});

test("values of arguments, and what was executed above, make others of them", () => {
  const made = new Set<string>();
  const file = "ARG V=1\nFROM busybox\nARG V W\nENV a=$V\nRUN x\nCMD y";
  const all = [false, false, true, true, false, true];
  cachedSteps(made, file);
  expect(cachedSteps(made, file)).toEqual(all);
  const none = all.map(() => false);
  expect(cachedSteps(made, file, { buildArgs: { W: "2" } })).toEqual(none);
  expect(cachedSteps(made, file, { buildArgs: { W: "2" } })).toEqual(all);
  expect(cachedSteps(made, file.replace("V=1", "V=2"))).toEqual(none);
  expect(cachedSteps(made, `${file}\nUSER z`, {}, "again")).toEqual(all.map(() => false).concat(false));
});

test("a step that fails is the last one that is told", () => {
  const sent: ClassicMessage[] = [];
  const messages = new ClassicMessages((message) => sent.push(message));
  messages.plan([
    { text: "FROM a", line: 1 },
    { text: "RUN x", line: 2 },
    { text: "CMD y", line: 3 },
  ]);
  messages.event(vertex(1, "FROM a"));
  messages.event(vertex(2, "RUN x"));
  messages.event(vertex(1, "FROM a", { cached: true, ...done }));
  messages.event(vertex(2, "RUN x", { ...done, error: "broken" }));
  messages.fail(new Error("broken"));
  const told = sent.map(({ stream, error }) => stream ?? error ?? "").join("");
  expect(told).toContain("Step 2/3 : RUN x\n ---> Running in");
  expect(told).not.toContain("CMD y");
  expect(told).toEndWith("broken");
});

test("what comes from the cache says so", () => {
  const sent = streamOf([vertex(2, "RUN x", { cached: true, ...done })]);
  expect(sent.map((message) => message.stream)).toContain(" ---> Using cache\n");
});

test("a command that fails: Docker's sentence and the code", () => {
  const error = new Error('process "/bin/sh -c exit 4" did not complete successfully: exit code: 4');
  const message = "The command '/bin/sh -c exit 4' returned a non-zero code: 4";
  expect(failure(error)).toEqual({ errorDetail: { code: 4, message }, error: message });
  expect(failure(new Error("x"))).toEqual({ errorDetail: { message: "x" }, error: "x" });
});
