// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables are what is tested
import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { serviceHash } from "../print/render.ts";
import { loadProject } from "./load.ts";
import type { LoadOptions } from "./options.ts";

const root = mkdtempSync(join(tmpdir(), "berth-compose-load-"));
afterAll(() => rmSync(root, { recursive: true }));
let count = 0;

/** Loads files that are written into a folder `p<n>/app` of their own. */
async function load(files: Readonly<Record<string, string>>, options: Partial<LoadOptions> = {}) {
  const folder = join(root, `p${count++}`, "app");
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  const loaded = await loadProject({
    files: [],
    projectName: undefined,
    projectDirectory: undefined,
    envFiles: [],
    profiles: [],
    environment: {},
    workingDirectory: folder,
    ...options,
  });
  return { ...loaded, folder, services: loaded.project.services };
}
const one = (text: string, options?: Partial<LoadOptions>) => load({ "compose.yaml": text }, options);

// Sentences of Docker Compose 2.26.1.
test.each([
  ["services: {web: {image: a, prots: []}}", "services.web Additional property prots is not allowed"],
  ['services: {web: {image: a, ports: "80"}}', "services.web.ports must be a list"],
  ["services: {web: {image: 1}}", "services.web.image must be a string"],
  ["services: {web: {image: a, build: [a]}}", "services.web.build must be a string"],
  [
    "services: {web: {image: a, environment: {a: [1]}}}",
    "services.web.environment.a must be a string, number, boolean or null",
  ],
  [
    "services: {web: {image: a, privileged: maybe}}",
    "error while interpolating services.web.privileged: failed to cast to expected type: invalid boolean: maybe",
  ],
  ["services: {web: {image: a, privileged: 1}}", "services.web.privileged must be a boolean or string"],
  [
    "services: {web: {image: a, depends_on: [foo]}}",
    'service "web" depends on undefined service "foo": invalid compose project',
  ],
  ["services: {web: {image: a, depends_on: {foo: {}}}}", "services.web.depends_on.foo condition is required"],
  [
    "services: {web: {image: a, mem_limit: abc}}",
    "error decoding 'services[web].mem_limit': invalid size: 'abc'",
  ],
  ['services: {web: {image: a, ports: ["80:99999"]}}', "Invalid containerPort: 99999"],
  [
    'services: {web: {image: a, ports: ["80-81:80-83"]}}',
    "Invalid ranges specified for container and host Ports: 80-83 and 80-81",
  ],
  [
    'services: {web: {image: a, volumes: ["data:/x"]}}',
    'service "web" refers to undefined volume data: invalid compose project',
  ],
  [
    "services: {web: {image: a, networks: [foo]}}",
    'service "web" refers to undefined network foo: invalid compose project',
  ],
  [
    "services: {web: {}}",
    'service "web" has neither an image nor a build context specified: invalid compose project',
  ],
  ['services: {"we b": {image: a}}', "services Additional property we b is not allowed"],
  ["foo: {}", "(root) Additional property foo is not allowed"],
  [
    'services: {web: {image: "${FOO:?must be set}"}}',
    "error while interpolating services.web.image: required variable FOO is missing a value: must be set",
  ],
  [
    'services: {web: {image: "${FOO"}}',
    "invalid interpolation format for services.web.image.\nYou may need to escape any $ with another $.\n${FOO",
  ],
  [
    "services: {web: {image: a, container_name: x, scale: 2}}",
    "services.scale: can't set container_name and web as container name must be unique",
  ],
  [
    "services: {web: {image: a, scale: 3, deploy: {replicas: 2}}}",
    "services.web: can't set distinct values on 'scale' and 'deploy.replicas'",
  ],
  [
    "services: {a: {image: a, depends_on: [b]}, b: {image: b, depends_on: [a]}}",
    "dependency cycle detected: a -> b -> a",
  ],
  [
    "services: {a: {image: a, network_mode: host, networks: [x]}}",
    "service a declares mutually exclusive `network_mode` and `networks`",
  ],
  ["services: {a: {image: a, env_file: nope.env}}", "no such file or directory"],
  [
    "services: {a: {image: a}}\nvolumes: {a: {external: true, driver: x}}",
    'volumes.a: conflicting parameters "external" and "driver" specified',
  ],
  ["services: {a: {image: a}}\nsecrets: {a: {}}", "secrets.a: one of file|environment must be set"],
])("%s", async (text, message) => {
  expect(one(text)).rejects.toThrow(message);
});

test("a misspelt attribute comes with the one that was meant", async () => {
  const error = await one("services: {web: {image: a, prots: []}}").catch((caught: unknown) => caught);
  expect((error as { hint?: string }).hint).toBe("Did you mean ports?");
});

describe("files", () => {
  test("are laid over each other", async () => {
    const { services } = await load({
      "compose.yaml": `
services:
  web:
    image: nginx
    command: [a]
    entrypoint: [e]
    ports: ["80:80"]
    volumes: ["./a:/a", "data:/d"]
    environment: [A=1, B=2]
    labels: {x: 1}
    dns: 1.1.1.1
    devices: [/a]
volumes: {data: }
`,
      "compose.override.yaml": `
services:
  web:
    command: b c
    entrypoint: !reset null
    ports: ["8080:80", "80:80"]
    volumes: ["./z:/a"]
    environment: {B: 3}
    labels: [y]
    dns: [2.2.2.2]
    devices: !override ["/b:/b:r"]
`,
    });
    const { web } = services;
    expect(web).toMatchObject({
      command: ["b", "c"],
      entrypoint: null,
      environment: { A: "1", B: "3" },
      labels: { x: "1", y: "" },
      dns: ["1.1.1.1", "2.2.2.2"],
      devices: [{ source: "/b", target: "/b", permissions: "r" }],
    });
    expect(web?.ports?.map((port) => port.published)).toEqual(["80", "8080"]);
    expect(web?.volumes?.map((mount) => mount.source?.split("/").at(-1))).toEqual(["z", "data"]);
  });

  test("are found in parents, and named by COMPOSE_FILE of .env", async () => {
    const { folder } = await one("services: {a: {image: a}}");
    mkdirSync(join(folder, "x/y"), { recursive: true });
    const options = {
      files: [],
      projectName: undefined,
      projectDirectory: undefined,
      envFiles: [],
      profiles: [],
      environment: {},
    };
    const found = await loadProject({ ...options, workingDirectory: join(folder, "x/y") });
    expect([found.workingDirectory, found.project.name]).toEqual([folder, "app"]);
    writeFileSync(join(folder, ".env"), "COMPOSE_FILE=other.yaml:more.yaml\n");
    writeFileSync(
      join(folder, "other.yaml"),
      "name: named\nservices: {b: {image: '${COMPOSE_PROJECT_NAME}'}}",
    );
    writeFileSync(join(folder, "more.yaml"), "services: {b: {command: c}}");
    const { project } = await loadProject({ ...options, workingDirectory: folder });
    expect(project.services).toMatchObject({ b: { image: "named", command: ["c"] } });
  });

  test("extend and include others, whose paths stay theirs", async () => {
    const { services, folder, project } = await load({
      "compose.yaml":
        "include: [inc/compose.yaml]\nservices: {a: {extends: {file: sub/base.yaml, service: b}, environment: {X: 1}}}",
      "sub/base.yaml": "services: {b: {build: ., env_file: v.env, volumes: [./d:/d]}}",
      "sub/v.env": "FROM=file\n",
      "inc/compose.yaml": "services: {i: {image: 'i:${TAG}', volumes: [./d:/d, v:/v]}}\nvolumes: {v: }",
      "inc/.env": "TAG=7\n",
    });
    expect(services.a).toMatchObject({
      build: { context: join(folder, "sub"), dockerfile: "Dockerfile" },
      environment: { X: "1", FROM: "file" },
      volumes: [{ source: join(folder, "sub/d") }],
    });
    expect(services.i).toMatchObject({
      image: "i:7",
      volumes: [{ source: join(folder, "inc/d") }, { source: "v" }],
    });
    expect(project.volumes).toEqual({ v: { name: "app_v" } });
  });

  test("that extend or include themselves are refused", async () => {
    expect(one("services: {a: {image: a, extends: b}, b: {image: b, extends: a}}")).rejects.toThrow(
      /Circular reference:\n {2}a in .*\n {2}extends b in .*\n {2}extends a in/,
    );
    expect(one("include: [compose.yaml]\nservices: {a: {image: a}}")).rejects.toThrow(
      "include cycle detected",
    );
  });
});

test("profiles", async () => {
  const text = "services: {a: {image: a, profiles: [p]}, b: {image: b}}";
  expect(Object.keys((await one(text)).services)).toEqual(["b"]);
  expect(Object.keys((await one(text, { profiles: ["p"] })).services)).toEqual(["a", "b"]);
  expect(Object.keys((await one(text, { profiles: ["*"] })).services)).toEqual(["a", "b"]);
  expect(Object.keys((await one(text, { environment: { COMPOSE_PROFILES: "x, p" } })).services)).toEqual([
    "a",
    "b",
  ]);
  expect(Object.keys((await one(text, { services: ["a"] })).services)).toEqual(["a", "b"]);
});

test("warnings", async () => {
  const { warnings, folder } = await one(
    "version: '3'\nservices: {a: {image: 'x$NOPE$NOPE'}, b: {image: b}}",
  );
  expect(warnings).toEqual([
    'The "NOPE" variable is not set. Defaulting to a blank string.',
    `${folder}/compose.yaml: the attribute \`version\` is obsolete, it will be ignored, please remove it to avoid potential confusion`,
  ]);
});

test("the hash is Docker Compose 2.26.1's", async () => {
  const { services } = await load({
    "compose.yaml":
      "services:\n  a: {image: a}\n  b: {image: a, scale: 3}\n  d: {image: a, deploy: {replicas: 3, labels: [x]}}\n  e: {image: a, build: ., pull_policy: always}\n  g: {image: a, ports: ['80:80'], environment: {'9': a, '10': b, a: '<&>'}, x-foo: 1}\n  h: {image: a, deploy: {}}\n",
  });
  const plain = "ead32641ace023dfb5148a9f4e8937d023a3b7fcc8af8f3e47f76229311a2be6";
  expect(
    Object.fromEntries(Object.entries(services).map(([name, service]) => [name, serviceHash(service)])),
  ).toEqual({
    a: plain,
    b: plain,
    d: "d6628bbd8b1879d3889ce77652564c250fbdbee92c545845f6da9272fde77f02",
    e: plain,
    g: "e64bd5e12362a7253f83efd0d78248a553b86da26bdf67182d280c64ef772fb7",
    h: "1594972185b5ebb99121ce44f78afc99a9a7f9c59c98d2d1651346d51590f959",
  });
});

test("tags in a file that is extended", async () => {
  const { services } = await load({
    "compose.yaml": "services: {web: {extends: {file: base.yaml, service: mid}}}",
    "base.yaml": `services:
  base: {image: base, ports: ["80:80"], environment: {A: 1}, labels: {a: "1"}}
  mid: {extends: base, ports: !reset [], environment: !override {B: 2}, labels: !reset null}
`,
  });
  const { ports, environment, labels } = services.web!;
  expect({ ports, environment, labels }).toEqual({ environment: { B: "2" } } as never);
});

describe("bombs", () => {
  test("files that include one another twice each", async () => {
    const files: Record<string, string> = { "f30.yaml": "services: {z: {image: x}}" };
    for (let n = 0; n < 30; n++) files[`f${n}.yaml`] = `include: [f${n + 1}.yaml, ./f${n + 1}.yaml]`;
    await expect(load({ ...files, "compose.yaml": "include: [f0.yaml]" })).rejects.toThrow(
      "too many included files",
    );
  });

  test("a long row of services that extend each other is no work", async () => {
    const rows = Array.from({ length: 3000 }, (_, n) => `  s${n + 1}: {extends: s${n}}`);
    const { services } = await one(`services:\n  s0: {image: x}\n${rows.join("\n")}\n`);
    expect(services.s3000?.image).toBe("x");
    await expect(one(`services:\n${rows.reverse().join("\n")}\n  s0: {image: x}\n`)).rejects.toThrow(
      "too many services that extend each other",
    );
  });

  test("more ports than there are", async () => {
    const ports = Array.from({ length: 10 }, () => '"1-65535:1-65535"').join(", ");
    await expect(one(`services: {a: {image: x, ports: [${ports}]}}`)).rejects.toThrow(
      "services.a.ports: too many items",
    );
  });

  test("files without end", async () => {
    await expect(load({}, { files: ["/dev/zero"] })).rejects.toThrow(
      "/dev/zero is too large: more than 64 MB",
    );
    await expect(load({ "compose.yaml": "" }, { envFiles: ["/dev/zero"] })).rejects.toThrow("too large");
  });
});
