import { relative, resolve } from "node:path";

/** An import of one of the runtime's modules, by name or as a whole; of types only, it is nothing at run time. */
const NODE_IMPORT = /^import (?:(\w+)|\{([^}]*)\}) from "(node:[^"]+)";$/gm;

/**
 * A program as one module, because loading the sixty of `run` takes longer than what it does with them. What is imported where it
 * is needed is evaluated there, and with it the runtime's modules that it uses: the bundler would have all of them loaded at the
 * start. @throws when something is loaded at the start all the same, or with the bundler's messages.
 */
export async function asOneModule(entry: string, options: Partial<Bun.BuildConfig>): Promise<string> {
  const root = options.root ?? ".";
  const usesNode = new Map<string, string>();
  const bundle = await Bun.build({
    ...options,
    entrypoints: [resolve(root, entry)],
    metafile: true,
    plugins: [
      {
        name: "modules of the runtime when they are needed",
        setup: ({ onLoad }) =>
          void onLoad({ filter: /\/src\/.*\.ts$/ }, async ({ path }) => ({
            contents: (await Bun.file(path).text()).replace(NODE_IMPORT, (_all, whole, names, module) => {
              usesNode.set(relative(root, path), module);
              return `const ${whole ?? `{${valuesOf(names)}}`} = process.getBuiltinModule("${module}");`;
            }),
            loader: "ts",
          })),
      },
    ],
  });
  if (!bundle.success) throw bundle.logs;
  const text = await bundle.outputs[0]!.text();
  const { imports } = new Bun.Transpiler({ loader: "js" }).scan(text);
  const atStart = [
    ...imports.filter(({ kind }) => kind === "import-statement").map(({ path }) => path),
    ...reached(bundle.metafile!, entry).flatMap((path) => usesNode.get(path) ?? []),
  ];
  if (atStart.length > 0) throw new Error(`${entry} would load at every start: ${atStart.join(", ")}`);
  return text;
}

/** `a, type B, c as d` of an import → `a, c: d` of a pattern. */
function valuesOf(names: string): string {
  const values = names.split(",").map((name) => name.trim().replace(" as ", ": "));
  return values.filter((name) => name !== "" && !name.startsWith("type ")).join(", ");
}

/** The modules that are evaluated before a program does anything. */
function reached({ inputs }: Bun.BuildMetafile, entry: string): string[] {
  const found = new Set([entry]);
  for (const path of found) {
    for (const { kind, path: next } of inputs[path]?.imports ?? []) {
      if (kind === "import-statement") found.add(next);
    }
  }
  return [...found];
}
