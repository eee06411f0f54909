import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lockDataRoot } from "./lock.ts";

const HOLDER = `
  const { lockDataRoot } = await import(process.argv[1]);
  lockDataRoot(process.argv[2]);
  console.log("locked");
  await new Promise(() => setInterval(() => {}, 1e9));
`;

test("one daemon at a time, and a killed one frees the root", async () => {
  const root = mkdtempSync(join(tmpdir(), "berth-lock-"));
  const child = Bun.spawn([process.execPath, "-e", HOLDER, join(import.meta.dir, "lock.ts"), root], {
    stdout: "pipe",
  });
  try {
    const { value } = await child.stdout.getReader().read();
    expect(new TextDecoder().decode(value)).toBe("locked\n");
    expect(() => lockDataRoot(root)).toThrow(
      `the data root ${root} is in use by another daemon (pid ${child.pid})`,
    );
    child.kill(9);
    await child.exited;
    using _lock = lockDataRoot(root);
    expect(() => lockDataRoot(root)).toThrow(`(pid ${process.pid})`);
  } finally {
    child.kill(9);
    rmSync(root, { recursive: true });
  }
});
