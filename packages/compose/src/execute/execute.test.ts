import { expect, test } from "bun:test";
import { type Operation, PlanBuilder } from "../plan/operation.ts";
import { execute } from "./execute.ts";

const join = (what: string): Operation => ({ kind: "create-volume", key: what });

test("steps begin when those before them have succeeded, and side by side otherwise", async () => {
  const builder = new PlanBuilder();
  const a = builder.add(join("a"));
  const b = builder.add(join("b"));
  builder.add(join("c"), [a, b]);
  const log: string[] = [];
  let together = 0;
  await execute(builder.build(), async (operation) => {
    const { key } = operation as { key: string };
    together++;
    log.push(`+${key}`);
    await Promise.resolve();
    if (key === "a") expect(together).toBe(2);
    together--;
    log.push(`-${key}`);
  });
  expect(log).toEqual(["+a", "+b", "-a", "-b", "+c", "-c"]);
});

test("after a failure nothing begins, what runs is awaited, the first failure is thrown", async () => {
  const builder = new PlanBuilder();
  const bad = builder.add(join("bad"));
  builder.add(join("slow"));
  builder.add(join("after"), [bad]);
  const done: string[] = [];
  const failing = execute(builder.build(), async (operation) => {
    const { key } = operation as { key: string };
    if (key === "bad") throw new Error("no");
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    done.push(key);
  });
  await expect(failing).rejects.toThrow("no");
  expect(done).toEqual(["slow"]);
});

test("many steps do not all run at once", async () => {
  const builder = new PlanBuilder();
  for (let at = 0; at < 100; at++) builder.add(join(String(at)));
  let now = 0;
  let most = 0;
  await execute(builder.build(), async () => {
    most = Math.max(most, ++now);
    await Promise.resolve();
    now--;
  });
  expect(most).toBeLessThanOrEqual(24);
  expect(most).toBeGreaterThan(10);
});

test("--parallel: never more at once than asked for", async () => {
  const builder = new PlanBuilder();
  for (let n = 0; n < 9; n++) builder.add(join(`${n}`));
  let together = 0;
  let most = 0;
  await execute(
    builder.build(),
    async () => {
      most = Math.max(most, ++together);
      for (let turn = 0; turn < 3; turn++) await Promise.resolve();
      together--;
    },
    undefined,
    2,
  );
  expect(most).toBe(2);
});
