import { expect, test } from "bun:test";
import type { ProgressEvent } from "@berth/api/build";
import { type Running, RunningBuilds } from "./running.ts";
import { FakeBuilder } from "./testing/fake-builder.ts";

const event = (name: string) => ({ type: "vertex", vertex: { digest: name, name } }) as ProgressEvent;

async function namesOf(running: Running): Promise<string[]> {
  const names: string[] = [];
  for await (const events of running.read().batches())
    for (const each of events) if (each.type === "vertex") names.push(each.vertex.name);
  return names;
}

test("progress is there for a reader who asks before the build begins, or after it has failed", async () => {
  const builds = new RunningBuilds(new FakeBuilder());
  const found = builds.find("early");
  const early = builds.begin("early");
  expect(await found).toBe(early);
  early.report(event("a"));
  builds.end("early");
  expect(builds.get("early")).toBeUndefined();
  expect(await namesOf(await builds.find("early"))).toEqual(["a"]);
});

test("a name that was used before is a new build", async () => {
  const builds = new RunningBuilds(new FakeBuilder());
  builds.begin("name").report(event("old"));
  builds.end("name");
  const next = builds.begin("name");
  next.report(event("new"));
  expect(builds.get("name")).toBe(next);
  builds.end("name");
  expect(await namesOf(await builds.find("name"))).toEqual(["new"]);
});
