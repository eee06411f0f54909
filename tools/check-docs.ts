/**
 * Holds the documents to the tree: every relative link and its anchor, every path of this repository in backticks, and
 * every `make` target must exist. `<name>` in a path stands for anything.
 *
 *   tools/check-docs.ts [FOLDER]
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative, resolve } from "node:path";
import { type Page, parsePage } from "./markdown.ts";

export interface Finding {
  file: string;
  line: number;
  message: string;
}

/** Text in backticks that begins so is meant as a path of this repository. */
const REPOSITORY_PATH = /^(?:apps|packages|test|tools|docs|packaging|\.ci)\/[\w./*<>{},@-]*$/;

function pathExists(root: string, path: string): boolean {
  if (!/[*<{]/.test(path)) return existsSync(join(root, path));
  const pattern = path.replace(/<[^>]*>/g, "*").replace(/\/$/, "");
  for (const _ of new Bun.Glob(pattern).scanSync({ cwd: root, onlyFiles: false, dot: true })) return true;
  return false;
}

/** Names of the targets in a Makefile. */
export function makeTargets(makefile: string): Set<string> {
  return new Set([...makefile.matchAll(/^([\w-]+):(?!=)/gm)].map((match) => match[1]!));
}

/** Targets that a shell line calls: `make A=b test parity`, also after `&&` or `sudo`. */
export function calledTargets(command: string): string[] {
  const found: string[] = [];
  for (const call of command.matchAll(/(?:^|[;&|]\s*|\bsudo\s+)make((?:\s+[\w./=:-]+)*)/g)) {
    for (const word of call[1]!.trim().split(/\s+/)) if (/^[a-z][\w-]*$/.test(word)) found.push(word);
  }
  return found;
}

export function checkDocs(root: string): Finding[] {
  const files = ["*.md", "{docs,test,packages,apps}/**/*.md"]
    .flatMap((pattern) => [...new Bun.Glob(pattern).scanSync({ cwd: root })])
    .filter((file) => !file.includes("node_modules/"))
    .sort();
  const pages = new Map<string, Page>(
    files.map((file) => [file, parsePage(readFileSync(join(root, file), "utf8"))]),
  );
  const makefile = join(root, "Makefile");
  const targets = makeTargets(existsSync(makefile) ? readFileSync(makefile, "utf8") : "");
  const findings: Finding[] = [];
  for (const [file, page] of pages) {
    const add = (line: number, message: string) => findings.push({ file, line, message });
    for (const { text, line } of page.links) {
      if (/^[a-z]+:/.test(text)) continue;
      const [path, anchor] = text.split("#") as [string, string | undefined];
      const target = path === "" ? file : normalize(join(dirname(file), path));
      if (!existsSync(join(root, target))) add(line, `link to ${text}: ${target} does not exist`);
      else if (anchor !== undefined && pages.has(target) && !pages.get(target)!.anchors.has(anchor))
        add(line, `link to ${text}: ${target} has no heading #${anchor}`);
    }
    const checkCommand = (command: string, line: number) => {
      for (const target of calledTargets(command))
        if (!targets.has(target)) add(line, `there is no target: make ${target}`);
    };
    for (const { text, line } of page.codeSpans) {
      if (REPOSITORY_PATH.test(text) && !pathExists(root, text)) add(line, `${text} does not exist`);
      checkCommand(text, line);
    }
    for (const { text, line, language } of page.codeLines)
      if (["sh", "shell", "bash", "console"].includes(language))
        checkCommand(text.replace(/^\s*[$#]\s+/, ""), line);
  }
  return findings;
}

if (import.meta.main) {
  const root = resolve(process.argv[2] ?? join(import.meta.dir, ".."));
  const findings = checkDocs(root);
  for (const { file, line, message } of findings)
    console.error(`${relative(process.cwd(), join(root, file))}:${line}: ${message}`);
  if (findings.length > 0) {
    console.error(`documents: ${findings.length} findings`);
    process.exitCode = 1;
  }
}
