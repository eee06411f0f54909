/** The command lines in the documents are ones that the command line knows. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { parsePage } from "../../tools/markdown.ts";
import { run } from "../harness/command.ts";
import { BERTH, engineOfThisRun } from "../harness/engine.ts";

const ROOT = join(import.meta.dir, "../..");

/** `berth …` command lines of a page, with continued lines joined and comments removed. */
export function commandLines(markdown: string): string[] {
  const found: string[] = [];
  let open = "";
  for (const { text, language } of parsePage(markdown).codeLines) {
    if (!["sh", "shell", "bash", "console"].includes(language)) continue;
    const line = open + text.replace(/^\s*[$#] /, "").replace(/\s#.*$/, "");
    if (line.endsWith("\\")) {
      open = line.slice(0, -1);
      continue;
    }
    open = "";
    for (const part of line.split(/\s*(?:&&|\|\||[|;])\s*/)) {
      const match = /^(?:sudo )?(?:\S*\/)?berth ((?:\S+\s*)+)$/.exec(part.trim());
      if (match !== null) found.push(match[1]!.trim());
    }
  }
  return found;
}

const pages = ["*.md", "docs/**/*.md"].flatMap((pattern) => [
  ...new Bun.Glob(pattern).scanSync({ cwd: ROOT, absolute: true }),
]);

describe.if(engineOfThisRun() === "berth")("documents", () => {
  for (const page of pages.sort()) {
    const lines = commandLines(readFileSync(page, "utf8"));
    if (lines.length === 0) continue;
    test(relative(ROOT, page), async () => {
      for (const line of lines) {
        const words = line.split(/\s+/);
        const first = words.findIndex((word) => !/^[a-z][a-z-]*$/.test(word));
        const names = words.slice(0, first < 0 ? 2 : Math.min(first, 2));
        // `image bootstrap busybox`: two words name the command; `run busybox`: one does.
        let help = await run([BERTH, ...names, "--help"]);
        if (help.exitCode !== 0 || !help.stdout.includes(`berth ${names.join(" ")}`))
          help = await run([BERTH, ...names.slice(0, 1), "--help"]);
        expect([line, help.exitCode]).toEqual([line, 0]);
        for (const word of words) {
          if (!word.startsWith("-")) continue;
          const flag = word.split("=")[0]!;
          // What comes after the image belongs to the container's command.
          if (/^-[a-z]{2,}$/.test(flag)) continue;
          if (
            names[0] === "run" &&
            words.indexOf(word) > words.findIndex((one) => /^(busybox|debian)/.test(one))
          )
            continue;
          expect([line, flag, new RegExp(`(^|[\\s,])${flag}\\b`, "m").test(help.stdout)]).toEqual([
            line,
            flag,
            true,
          ]);
        }
      }
    });
  }
});

test("command lines are found whatever stands around them", () => {
  const page =
    "```sh\nsudo berth ps -a # all\ncd x && dist/berth run --rm \\\n  busybox true | cat\ndocker ps\n```\n```text\nberth no\n```\n";
  expect(commandLines(page)).toEqual(["ps -a", "run --rm   busybox true"]);
});
