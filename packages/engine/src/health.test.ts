import { expect, test } from "bun:test";
import type { Health } from "@berth/api";
import { goDuration, healthCommand, judge, probeInterval } from "./container/health.ts";
import { FrameReader } from "./exec/run.ts";
import { EngineBench } from "./testing/engine-bench.ts";

const MS = 1_000_000;
const result = (ExitCode: number) => ({ Start: "", End: "", ExitCode, Output: "" });
const health: Health = { Status: "starting", FailingStreak: 0, Log: [] };

test("healthy at once, unhealthy after so many failures, never within the start period", () => {
  const config = { Retries: 2, StartPeriod: 5000 * MS };
  expect(judge(health, config, result(0), 0)).toMatchObject({ Status: "healthy", FailingStreak: 0 });
  expect(judge(health, config, result(1), 4999)).toMatchObject({ Status: "starting", FailingStreak: 0 });
  const once = judge(health, config, result(1), 5000);
  expect(once).toMatchObject({ Status: "starting", FailingStreak: 1 });
  expect(judge(once, config, result(2), 6000)).toMatchObject({ Status: "unhealthy", FailingStreak: 2 });
  let many = health;
  for (let n = 0; n < 9; n++) many = judge(many, config, result(0), 0);
  expect(many.Log).toHaveLength(5);
});

test("intervals", () => {
  expect(probeInterval(health, {}, 0)).toBe(30_000);
  expect(probeInterval(health, { StartPeriod: 1000 * MS }, 0)).toBe(5_000);
  expect(
    probeInterval(health, { StartPeriod: 1000 * MS, StartInterval: 100 * MS, Interval: 200 * MS }, 1000),
  ).toBe(200);
});

test("commands", () => {
  expect(healthCommand({ Test: ["CMD", "a", "b"] }, undefined)).toEqual(["a", "b"]);
  expect(healthCommand({ Test: ["CMD-SHELL", "a b"] }, undefined)).toEqual(["/bin/sh", "-c", "a b"]);
  expect(healthCommand({ Test: ["CMD-SHELL", "a b"] }, ["/bin/bash", "-ec"])).toEqual([
    "/bin/bash",
    "-ec",
    "a b",
  ]);
  for (const Test of [["NONE"], [], ["CMD"], ["FOO", "x"]])
    expect(healthCommand({ Test }, undefined)).toBeUndefined();
});

test("durations as Go prints them", () => {
  expect([300, 1500, 30_000, 120_000, 3_723_000].map(goDuration)).toEqual([
    "300ms",
    "1.5s",
    "30s",
    "2m0s",
    "1h2m3s",
  ]);
});

test("frames come apart in any pieces", () => {
  const stream = Buffer.concat(
    ["hello", "", "w".repeat(300)].map((text) => {
      const header = Buffer.alloc(8);
      header.writeUInt32BE(text.length, 4);
      return Buffer.concat([header, Buffer.from(text)]);
    }),
  );
  for (let size = 1; size < 40; size++) {
    let text = "";
    const reader = new FrameReader((part) => {
      text += Buffer.from(part).toString();
    });
    for (let at = 0; at < stream.length; at += size) reader.push(stream.subarray(at, at + size));
    expect(text).toBe(`hello${"w".repeat(300)}`);
  }
});

test("a container is probed, changes its health with an event, and is unhealthy once stopped", async () => {
  await using bench = new EngineBench();
  const id = await bench.run(["sleep"], {
    config: { Healthcheck: { Test: ["CMD", "exit", "0"], Interval: 5 * MS } },
  });
  const status = () => bench.container(id).state.health?.Status;
  expect(status()).toBe("starting");
  while (status() === "starting") await Bun.sleep(1);
  expect(status()).toBe("healthy");
  expect(bench.actions("container")).toContain("health_status: healthy");
  await bench.containers.stop(id, {});
  expect(status()).toBe("unhealthy");
});

test("a probe that takes too long fails", async () => {
  await using bench = new EngineBench();
  const id = await bench.run(["sleep"], {
    config: { Healthcheck: { Test: ["CMD", "sleep"], Interval: 2 * MS, Timeout: 3 * MS, Retries: 1 } },
  });
  while (bench.container(id).state.health?.Status !== "unhealthy") await Bun.sleep(1);
  expect(bench.container(id).state.health?.Log[0]).toMatchObject({
    ExitCode: -1,
    Output: "Health check exceeded timeout (3ms)",
  });
});
