import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { closeAll, openLogFiles } from "./log-files.ts";
import { JsonFileWriter } from "./writer.ts";

test("files are in order though the writer rotates while they are opened", async () => {
  const folder = mkdtempSync(join(tmpdir(), "berth-log-files-"));
  try {
    const path = join(folder, "log");
    using writer = new JsonFileWriter(path, { maxSize: 10, maxFiles: 9, attributes: {} });
    let written = 0;
    // Each record fills a file.
    const write = () => writer.write("stdout", Buffer.from(`${++written}\n`), 2, "2026-01-01T00:00:00Z");
    for (let n = 0; n < 3; n++) write();
    let rotated = false;
    const files = await openLogFiles(path, async () => {
      if (!rotated) for (let n = 0; n < 2; n++) write();
      rotated = true;
      return false;
    });
    const texts: string[] = [];
    for (const file of files) {
      for await (const chunk of file.chunks()) texts.push(Buffer.from(chunk).toString());
    }
    await closeAll(files);
    expect(texts.map((text) => JSON.parse(text).log)).toEqual(["1\n", "2\n", "3\n", "4\n", "5\n"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
