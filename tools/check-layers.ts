/**
 * Holds the code to the layers of `tools/layers.ts`: imports point downwards, packages are entered by their name,
 * there are no cycles, and names say what is inside. Each finding says the reason of the rule it breaks.
 *
 *   tools/check-layers.ts [FOLDER]
 */
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { type Import, importsOf } from "./imports.ts";
import { APPS, FORBIDDEN_NAMES, GUARDED, type Layer, MOST_LINES, PACKAGES } from "./layers.ts";

export interface Finding {
  file: string;
  line: number;
  message: string;
}

type Owner = { kind: "package" | "app"; name: string; folder: string };

function ownerOf(file: string): Owner | undefined {
  const match = /^(packages|apps)\/([^/]+)\//.exec(file);
  if (match === null) return undefined;
  return {
    kind: match[1] === "apps" ? "app" : "package",
    name: match[2]!,
    folder: `${match[1]}/${match[2]}`,
  };
}

const isTest = (file: string): boolean => file.endsWith(".test.ts");

/** Why package `from` must not import package `to`; undefined when it may. */
export function forbiddenBetweenPackages(
  from: string,
  to: string,
  packages: Readonly<Record<string, Layer>> = PACKAGES,
): string | undefined {
  const importer = packages[from];
  const imported = packages[to];
  if (importer === undefined) return `package ${from} has no level yet: give it one in tools/layers.ts`;
  if (imported === undefined) return `there is no package ${to} in tools/layers.ts`;
  if (importer.only !== undefined && !importer.only.includes(to))
    return importer.why ?? "it is not in its list";
  if (importer.level > imported.level || importer.beside?.includes(to)) return undefined;
  if (importer.level === imported.level)
    return importer.level === 3
      ? "packages of level 3 never import each other; apps/daemon joins them"
      : `both are of level ${importer.level}, and no edge is drawn between them in tools/layers.ts`;
  return `imports point to a lower level: ${from} is ${importer.level}, ${to} is ${imported.level}`;
}

function forbiddenForApp(app: string, to: string): string | undefined {
  const rule = APPS[app];
  if (rule === undefined) return `program ${app} is not in tools/layers.ts`;
  return rule.only === undefined || rule.only.includes(to) ? undefined : rule.why;
}

/** Whether a package's `exports` name this entrance (`/errors`): for programs that must not load the rest with it. */
function isEntrance(root: string, name: string, inside: string): boolean {
  const folder = name.startsWith("app-") ? join("apps", name.slice("app-".length)) : join("packages", name);
  const manifest = join(root, folder, "package.json");
  if (!existsSync(manifest)) return false;
  const { exports } = JSON.parse(readFileSync(manifest, "utf8")) as { exports?: Record<string, unknown> };
  return exports !== undefined && Object.hasOwn(exports, `.${inside}`);
}

function checkImport(root: string, file: string, owner: Owner, found: Import): string | undefined {
  const berth = /^@berth\/([^/]+)(\/.*)?$/.exec(found.module);
  if (berth !== null) {
    const [, to, inside] = berth as unknown as [string, string, string | undefined];
    if (inside !== undefined && !isEntrance(root, to, inside))
      return `${found.module}: a package is entered by its name only, so that its inside can change`;
    if (to.startsWith("app-")) {
      if (owner.kind === "app" && APPS[owner.name]?.apps?.includes(to.slice(4))) return undefined;
      return `${found.module}: nothing imports apps, except apps/berth the programs that it picks from`;
    }
    if (owner.kind === "package" && to === owner.name)
      return `${found.module}: inside a package, import by relative path`;
    const why =
      owner.kind === "package" ? forbiddenBetweenPackages(owner.name, to) : forbiddenForApp(owner.name, to);
    return why === undefined ? undefined : `${owner.folder} must not import ${found.module}: ${why}`;
  }
  if (found.module.startsWith(".")) {
    const target = join(dirname(file), found.module);
    if (!`${target}/`.startsWith(`${owner.folder}/`))
      return `${found.module} leaves ${owner.folder}: import other packages by name`;
    return undefined;
  }
  for (const guard of GUARDED) {
    if (guard.module.test(found.module) && !isTest(file) && !guard.only.includes(owner.folder))
      return `${found.module} is only for ${guard.only.join(", ")}: ${guard.why}`;
  }
  return undefined;
}

/** Each cycle among files once, as the list of its files; imports of types and lazy imports do not count. */
export function cycles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const found: string[][] = [];
  const done = new Set<string>();
  const visit = (file: string, path: string[]): void => {
    const at = path.indexOf(file);
    if (at >= 0) {
      found.push(path.slice(at));
      return;
    }
    if (done.has(file)) return;
    for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return found;
}

/** All findings in the workspace at `root`. */
export function checkLayers(root: string): Finding[] {
  const findings: Finding[] = [];
  const graph = new Map<string, string[]>();
  const files = [...new Bun.Glob("{apps,packages,test,tools}/**/*.ts").scanSync({ cwd: root })]
    .filter((file) => !file.includes("node_modules/"))
    .sort();
  for (const file of files) {
    const source = readFileSync(join(root, file), "utf8");
    const lines = source.split("\n").length - 1;
    if (FORBIDDEN_NAMES.test(basename(file)))
      findings.push({
        file,
        line: 1,
        message: `a module named ${basename(file)} collects everything: name what it does`,
      });
    if (lines > MOST_LINES)
      findings.push({
        file,
        line: MOST_LINES,
        message: `${lines} lines, more than ${MOST_LINES}: it has more than one purpose`,
      });
    const imports = importsOf(source);
    const local = imports.filter((one) => one.module.startsWith(".") && !one.typeOnly && !one.dynamic);
    graph.set(
      file,
      local.map((one) => join(dirname(file), one.module)),
    );
    for (const one of local)
      if (!existsSync(join(root, dirname(file), one.module)))
        findings.push({ file, line: one.line, message: `${one.module} does not exist` });
    const owner = ownerOf(file);
    if (owner === undefined) continue;
    for (const one of imports) {
      const message = checkImport(root, file, owner, one);
      if (message !== undefined) findings.push({ file, line: one.line, message });
    }
  }
  for (const cycle of cycles(graph))
    findings.push({ file: cycle[0]!, line: 1, message: `import cycle: ${[...cycle, cycle[0]].join(" → ")}` });
  return findings;
}

if (import.meta.main) {
  const root = resolve(process.argv[2] ?? join(import.meta.dir, ".."));
  const findings = checkLayers(root);
  for (const { file, line, message } of findings)
    console.error(`${relative(process.cwd(), join(root, file))}:${line}: ${message}`);
  if (findings.length > 0) {
    console.error(`layers: ${findings.length} findings`);
    process.exitCode = 1;
  }
}
