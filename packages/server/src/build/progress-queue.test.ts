import { expect, test } from "bun:test";
import type { ProgressEvent } from "@berth/api/build";
import { ProgressQueue } from "./progress-queue.ts";

const log = (text: string): ProgressEvent => ({
  type: "log",
  log: { vertex: "sha256:v" as never, stream: 1, data: Buffer.from(text), timestamp: 0n },
});
const step = (name: string) => ({ type: "vertex", vertex: { name } }) as ProgressEvent;
const shown = (event: ProgressEvent) =>
  event.type === "log"
    ? Buffer.from(event.log.data).toString()
    : (event as { vertex: { name: string } }).vertex.name;

async function all(queue: ProgressQueue): Promise<string[]> {
  const found: string[] = [];
  for await (const batch of queue.batches()) found.push(...batch.map(shown));
  return found;
}

test("what comes between two looks is one batch", async () => {
  const queue = new ProgressQueue();
  queue.push(step("a"));
  queue.push(log("1"));
  const batches = queue.batches();
  expect((await batches.next()).value?.map(shown)).toEqual(["a", "1"]);
  const next = batches.next();
  queue.push(log("2"));
  queue.end();
  expect((await next).value?.map(shown)).toEqual(["2"]);
  expect((await batches.next()).done).toBe(true);
});

test("with a limit the oldest output is forgotten, steps never are", async () => {
  const queue = new ProgressQueue(10);
  queue.push(step("a"));
  for (let n = 0; n < 100; n++) queue.push(log(String(n)));
  queue.push(step("b"));
  queue.end();
  const found = await all(queue);
  expect(found[0]).toBe("a");
  expect(found.slice(-3)).toEqual(["98", "99", "b"]);
  expect(found.length).toBeLessThanOrEqual(12);
});
