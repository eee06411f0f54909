import { expect, test } from "bun:test";
import { Filters } from "@berth/api";
import { nowNanoseconds } from "@berth/base";
import { EventLog } from "./event-log.ts";

async function collect(
  log: EventLog,
  options: Partial<Parameters<EventLog["subscribe"]>[0]>,
): Promise<string[]> {
  const found: string[] = [];
  const stream = log.subscribe(
    { filters: new Filters(), until: nowNanoseconds(), ...options },
    new AbortController().signal,
  );
  for await (const event of stream) found.push(event.Action);
  return found;
}

test("past events are replayed from a moment to a moment, as many as are kept", async () => {
  const log = new EventLog();
  for (let n = 0; n < 300; n++) log.publish("container", `a${n}`, "id", {});
  const all = await collect(log, { since: 0n });
  expect(all).toHaveLength(256);
  expect(all[0]).toBe("a44");
  expect(await collect(log, { since: nowNanoseconds() + 10n ** 12n, until: nowNanoseconds() })).toEqual([]);
});

test("filters", async () => {
  const log = new EventLog();
  log.publish("container", "exec_start: sh -c x", "abc123", { name: "web", image: "bb:1", l: "v" });
  log.publish("container", "start", "def456", { name: "db", image: "pg" });
  log.publish("image", "tag", "sha256:1", { name: "bb:1" });
  const find = (key: string, value: string) =>
    collect(log, { since: 0n, filters: new Filters([[key, [value]]]) });
  expect(await find("event", "exec_start")).toEqual(["exec_start: sh -c x"]);
  expect(await find("event", "start")).toEqual(["start"]);
  expect(await find("container", "web")).toEqual(["exec_start: sh -c x"]);
  expect(await find("container", "def4")).toEqual(["start"]);
  expect(await find("type", "image")).toEqual(["tag"]);
  expect(await find("image", "bb")).toEqual(["exec_start: sh -c x", "tag"]);
  expect(await find("label", "l=v")).toEqual(["exec_start: sh -c x"]);
});

test("a subscriber misses nothing, and ends with its signal", async () => {
  const log = new EventLog();
  const abort = new AbortController();
  const stream = log.subscribe({ filters: new Filters() }, abort.signal);
  log.publish("volume", "create", "v", {});
  const iterator = stream[Symbol.asyncIterator]();
  expect((await iterator.next()).value?.Action).toBe("create");
  const waiting = iterator.next();
  abort.abort();
  expect((await waiting).done).toBe(true);
  expect(log.listeners).toBe(0);
});

test("times rise strictly", () => {
  const log = new EventLog();
  const times: bigint[] = [];
  log.listen((event) => times.push(event.timeNano));
  for (let n = 0; n < 1000; n++) log.publish("container", "x", "id", {});
  for (let n = 1; n < times.length; n++) expect(times[n]! > times[n - 1]!).toBe(true);
});
