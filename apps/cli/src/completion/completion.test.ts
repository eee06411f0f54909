import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { candidates, type Names } from "./candidates.ts";
import { completionScript } from "./scripts.ts";

const names: Names = async (kind) => [`${kind}-1`, `${kind}-2`];
const words = async (...line: string[]) => (await candidates(line, names)).words.map(({ word }) => word);

describe("what may come", () => {
  test("commands and nouns first", async () => {
    expect((await words("st")).sort()).toEqual(["start", "stats", "stop"]);
    expect(await words("net")).toEqual(["network"]);
    expect(await words("network", "in")).toEqual(["inspect"]);
    expect(await words("network", "in", "")).toEqual([]);
    expect(await words("__com")).toEqual([]);
  });

  test("flags, and their values", async () => {
    expect(await words("run", "--resta")).toEqual(["--restart"]);
    expect(await words("run", "--restart", "un")).toEqual(["unless-stopped"]);
    expect(await words("run", "--restart=al")).toEqual(["--restart=always"]);
    expect(await words("-H", "tcp://x", "run", "--network", "")).toEqual(["network-1", "network-2"]);
    expect(await words("run", "-it", "--volumes-from", "")).toEqual(["container-1", "container-2"]);
    expect(await words("run", "-itv", "x")).toEqual([]);
    expect((await candidates(["load", "-i", ""], names)).files).toBe("file");
  });

  test("arguments, each once", async () => {
    expect(await words("rm", "-f", "container-1", "")).toEqual(["container-2"]);
    expect(await words("stop", "")).toEqual(["running-container-1", "running-container-2"]);
    expect(await words("run", "--rm", "im")).toEqual(["image-1", "image-2"]);
    expect(await words("run", "image-1", "-")).toEqual([]);
    expect(await words("exec", "running-container-1", "")).toEqual([]);
    expect(await words("ps", "")).toEqual([]);
  });
});

describe("in the shells", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "berth-completion-"));
    // Stands for the program: tells what it is asked, and offers three words.
    writeFileSync(
      join(folder, "berth"),
      `#!/bin/sh\nshift 2\nprintf '%s|' "$@" >"${folder}/asked"\nprintf 'web\\tContainer\\nweb:1\\n--pull=always\\tx\\n'\n`,
      { mode: 0o755 },
    );
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const run = (shell: string, script: string) => {
    const done = Bun.spawnSync([shell, "-c", script], {
      env: { PATH: `${folder}:/usr/bin:/bin`, HOME: folder },
      stdout: "pipe",
      stderr: "pipe",
    });
    return `${done.stdout.toString()}${done.stderr.toString()}`;
  };

  test.skipIf(Bun.which("bash") === null)("bash", () => {
    writeFileSync(join(folder, "s.bash"), completionScript("bash", "berth"));
    const line = "berth exec web:1";
    const out = run(
      "bash",
      `source ${folder}/s.bash; COMP_LINE='${line}'; COMP_POINT=\${#COMP_LINE}; COMP_WORDS=(berth exec web : 1); COMP_CWORD=4
       _berth_complete; printf '[%s]' "\${COMPREPLY[@]}"; cat ${folder}/asked`,
    );
    expect(out).toBe("[web][1][--pull=always]exec|web:1|");
  });

  test.skipIf(Bun.which("zsh") === null)("zsh", () => {
    writeFileSync(join(folder, "_berth"), completionScript("zsh", "berth"));
    expect(run("zsh", `zsh -n ${folder}/_berth && echo fine`)).toBe("fine\n");
  });

  test.skipIf(Bun.which("fish") === null)("fish", () => {
    writeFileSync(join(folder, "s.fish"), completionScript("fish", "berth"));
    expect(run("fish", `source ${folder}/s.fish; complete -C'berth exec w'`)).toContain("web");
  });
});
