import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Context } from "../context.ts";
import { candidates, type Names, namesFrom } from "./candidates.ts";
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

describe("what is known without a daemon", () => {
  test("nouns' own spellings, topics of help, words that stand for an argument", async () => {
    expect(await words("image", "bu")).toEqual(["build"]);
    expect(await words("help", "imag")).toEqual(["images", "image"]);
    expect(await words("image", "bootstrap", "b")).toEqual(["busybox"]);
    expect(await words("completion", "")).toEqual(["bash", "zsh", "fish"]);
  });

  test("Compose: flags before the command, services where they may stand", async () => {
    expect((await candidates(["compose", "-f", ""], names)).files).toBe("file");
    expect(await words("compose", "--prog")).toEqual(["--progress"]);
    expect(await words("compose", "-f", "x.yaml", "res")).toEqual(["restart"]);
    expect(await words("compose", "-p", "x", "logs", "-f", "")).toEqual(["service-1", "service-2"]);
    expect(await words("compose", "--profile", "")).toEqual(["profile-1", "profile-2"]);
    expect(await words("compose", "exec", "service-1", "")).toEqual([]);
    expect(await words("compose", "ls", "")).toEqual([]);
  });

  test("the words before Compose's command go along", async () => {
    const asked: (readonly string[])[] = [];
    const note: Names = async (_kind, compose) => {
      asked.push(compose);
      return [];
    };
    await candidates(["compose", "-f", "a.yaml", "up", "-d", ""], note);
    await candidates(["compose", "-f", "a.yaml", "--profile", ""], note);
    expect(asked).toEqual([
      ["-f", "a.yaml"],
      ["-f", "a.yaml"],
    ]);
  });

  test("services and profiles of a file", async () => {
    const file = join(mkdtempSync(join(tmpdir(), "berth-completion-")), "compose.yaml");
    writeFileSync(file, "services: {web: {image: a}, db: {image: b, profiles: [tools]}}\n");
    const context = { environment: {} } as Context;
    expect(await namesFrom(context)("service", ["-f", file])).toEqual(["db", "web"]);
    expect(await namesFrom(context)("profile", ["-f", file])).toEqual(["tools"]);
    expect(await namesFrom(context)("service", ["-f", `${file}.not`])).toEqual([]);
    rmSync(dirname(file), { recursive: true });
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
