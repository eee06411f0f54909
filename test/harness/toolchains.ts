/**
 * Images that stand in for python, node, gcc, openjdk and nginx where no registry is: Debian with this machine's own programs
 * on top. They have the names that people's Dockerfiles use.
 */
import { existsSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { runOk } from "./command.ts";
import type { Daemon } from "./daemon.ts";
import { buildOk, project } from "./project.ts";

export type Toolchain = "python:3.9-slim" | "node:16" | "gcc:12" | "openjdk:8-jdk" | "nginx:latest";

interface Recipe {
  /** Files and folders of this machine. */
  paths: readonly string[];
  /** Programs whose libraries come along. */
  programs: readonly string[];
  exclude?: readonly string[];
  dockerfile: string;
}

const RECIPES: Readonly<Record<Toolchain, Recipe>> = {
  "python:3.9-slim": {
    paths: ["/usr/bin/python3.11", "/usr/lib/python3.11", "/usr/share/python-wheels"],
    programs: ["/usr/bin/python3.11"],
    exclude: ["__pycache__", "config-3.11*", "test", "idlelib", "dist-packages/*", "EXTERNALLY-MANAGED"],
    dockerfile:
      "RUN ln -s python3.11 /usr/bin/python3 && ln -s python3.11 /usr/bin/python\nENV PYTHONPATH=/usr/share/python-wheels/pip-23.0.1-py3-none-any.whl:/usr/share/python-wheels/setuptools-66.1.1-py3-none-any.whl\nRUN printf '#!/bin/sh\\nexec python3 -m pip \"$@\"\\n' > /usr/bin/pip && chmod +x /usr/bin/pip",
  },
  "node:16": {
    paths: ["/usr/bin/node", "/usr/lib/node_modules/npm"],
    programs: ["/usr/bin/node"],
    dockerfile: "RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/bin/npm",
  },
  "gcc:12": {
    paths: [
      ...[
        "/usr/bin/gcc-12",
        "/usr/bin/as",
        "/usr/bin/ld.bfd",
        "/usr/include",
        "/usr/lib/gcc/x86_64-linux-gnu/12",
      ],
      ...["crt1.o", "crti.o", "crtn.o", "libc.a"].map((name) => `/usr/lib/x86_64-linux-gnu/${name}`),
    ],
    programs: ["/usr/bin/gcc-12", "/usr/bin/as", "/usr/bin/ld.bfd", "/usr/lib/gcc/x86_64-linux-gnu/12/cc1"],
    exclude: ["cc1plus", "lto1", "lto-wrapper", "*.py", "include/c++", "node", "*san*"],
    dockerfile: "RUN ln -s gcc-12 /usr/bin/gcc && ln -s ld.bfd /usr/bin/ld",
  },
  "openjdk:8-jdk": {
    paths: ["/usr/lib/jvm/java-17-openjdk-amd64", "/etc/java-17-openjdk"],
    programs: [
      "/usr/lib/jvm/java-17-openjdk-amd64/bin/java",
      "/usr/lib/jvm/java-17-openjdk-amd64/lib/libjli.so",
    ],
    exclude: ["*.zip", "jmods", "classlist", "man", "docs"],
    dockerfile: "ENV PATH=$PATH:/usr/lib/jvm/java-17-openjdk-amd64/bin",
  },
  "nginx:latest": {
    paths: ["/usr/bin/busybox"],
    programs: ["/usr/bin/busybox"],
    dockerfile:
      'RUN mkdir -p /usr/share/nginx/html && ln -s ../bin/busybox /usr/sbin/httpd\nEXPOSE 80\nCMD ["/usr/sbin/httpd", "-f", "-p", "80", "-h", "/usr/share/nginx/html"]',
  },
};

/** False where this machine lacks the programs. */
export function hasToolchain(name: Toolchain): boolean {
  return [...RECIPES[name].paths, ...RECIPES[name].programs].every((path) => existsSync(path));
}

/** Builds the image on top of `debian:bookworm`, which the daemon must have. */
export async function addToolchain(daemon: Daemon, name: Toolchain): Promise<void> {
  const { paths, programs, exclude = [], dockerfile } = RECIPES[name];
  const libraries = new Set<string>();
  for (const program of programs) {
    const { stdout } = await runOk(["sh", "-c", `ldd '${program}' || true`]);
    for (const [, path] of stdout.matchAll(/ => (\/\S+)/g)) {
      const library = join(realpathSync(dirname(path!)), path!.split("/").at(-1)!);
      if (!paths.some((each) => library.startsWith(`${each}/`))) libraries.add(library);
    }
  }
  const folder = project(daemon, {
    Dockerfile: `FROM debian:bookworm\nADD files.tar /\n${dockerfile}\n`,
  });
  await runOk(
    [
      ...["tar", "-c", "--dereference", "-C", "/", "-f", join(folder, "files.tar")],
      ...exclude.map((pattern) => `--exclude=${pattern}`),
      ...[...paths, ...libraries].map((path) => path.slice(1)),
    ],
    { seconds: 120 },
  );
  await buildOk(daemon, folder, ["-t", name], { seconds: 300 });
}
