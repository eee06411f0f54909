import { dirname, relative, resolve } from "node:path";

/** An import of one of the runtime's modules, by name or as a whole; of types only, it is nothing at run time. */
const NODE_IMPORT = /^import (?:(\w+)|\{([^}]*)\}) from "(node:[^"]+)";$/gm;
/** An import at the moment of use, of values by their names. */
const LATE_IMPORT = /\bconst \{([^}]*)\} = await import\("([^"]+)"\);/g;

export interface OneModuleOptions {
  /** Modules that are asked for elsewhere: by their paths, where the text will find them. */
  apart?: ReadonlyMap<string, string>;
  /** It may load modules of the runtime at its start. */
  startsSlowly?: boolean;
}

/**
 * A program as one module, because loading the sixty of `run` takes longer than what it does with them. What is imported where it
 * is needed is evaluated there, and with it the runtime's modules that it uses: the bundler would have all of them loaded at the
 * start. What is needed at the start by somebody is part of the start for all: as a module of its own it would cost several calls,
 * and enough of those set the threads of the runtime's compiler going.
 * @throws when something is loaded at the start all the same, or with the bundler's messages.
 */
export async function asOneModule(
  entry: string,
  options: Partial<Bun.BuildConfig>,
  { apart = new Map(), startsSlowly = false }: OneModuleOptions = {},
): Promise<string> {
  const root = options.root ?? ".";
  const usesNode = new Map<string, string>();
  const pathOf = (module: string, folder: string) => relative(root, Bun.resolveSync(module, folder));
  const bundle = async (isEarly: (path: string) => boolean) => {
    const made = await Bun.build({
      ...options,
      entrypoints: [resolve(root, entry)],
      metafile: true,
      plugins: [
        {
          name: "modules when they are needed",
          setup({ onLoad, onResolve }) {
            onResolve({ filter: /^[.@]/ }, ({ path, importer, kind }) => {
              if (kind !== "dynamic-import") return undefined;
              const place = apart.get(pathOf(path, dirname(importer)));
              return place === undefined ? undefined : { path: place, external: true };
            });
            onLoad({ filter: /\/src\/.*\.ts$/ }, async ({ path }) => {
              const early = new Set<string>();
              const text = (await Bun.file(path).text())
                .replace(NODE_IMPORT, (_all, whole, names, module) => {
                  usesNode.set(relative(root, path), module);
                  return `const ${whole ?? `{${valuesOf(names)}}`} = process.getBuiltinModule("${module}");`;
                })
                .replace(LATE_IMPORT, (all, names, module) => {
                  if (module.startsWith("node:") || !isEarly(pathOf(module, dirname(path)))) return all;
                  early.add(`import {${names.replaceAll(":", " as")}} from "${module}";`);
                  return "";
                });
              return { contents: [...early].join("") + text, loader: "ts" };
            });
          },
        },
      ],
    });
    if (!made.success) throw made.logs;
    return made;
  };
  const started = reached((await bundle(() => false)).metafile!, root, entry);
  const made = await bundle((path) => started.has(path));
  const text = await made.outputs[0]!.text();
  const { imports } = new Bun.Transpiler({ loader: "js" }).scan(text);
  const atStart = [
    ...imports.filter(({ kind }) => kind === "import-statement").map(({ path }) => path),
    ...[...started].flatMap((path) => usesNode.get(path) ?? []),
  ];
  if (atStart.length > 0 && !startsSlowly)
    throw new Error(`${entry} would load at every start: ${atStart.join(", ")}`);
  return text;
}

/** `a, type B, c as d` of an import → `a, c: d` of a pattern. */
function valuesOf(names: string): string {
  const values = names.split(",").map((name) => name.trim().replace(" as ", ": "));
  return values.filter((name) => name !== "" && !name.startsWith("type ")).join(", ");
}

/** The modules that are evaluated before a program does anything. Bun's paths are those from the folder that it is run in. */
function reached({ inputs }: Bun.BuildMetafile, root: string, entry: string): ReadonlySet<string> {
  const found = new Set([relative("", resolve(root, entry))]);
  for (const path of found) {
    for (const { kind, path: next } of inputs[path]?.imports ?? []) {
      if (kind === "import-statement") found.add(next);
    }
  }
  return new Set([...found].map((path) => relative(root, path)));
}
