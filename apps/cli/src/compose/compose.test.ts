// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of Compose files
import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Input } from "../io/stdin.ts";
import { run } from "../run.ts";
import { memoryOutput } from "../testing/memory-output.ts";
import { composeOptions } from "./flags.ts";
import { wordsOfDockerCompose } from "./version.ts";

async function berth(argv: string[], environment: Record<string, string> = {}) {
  const [stdout, stderr] = [memoryOutput(1), memoryOutput(2)];
  const status = await run({
    program: "docker",
    argv,
    stdin: undefined as unknown as Input,
    stdout,
    stderr,
    environment,
    isTerminal: () => false,
  });
  return { status, out: stdout.text(), err: stderr.text().replace(/time="[^"]*"/, 'time="T"') };
}

test.each([
  ["up -d", "compose up -d"],
  ["-f a.yml -p x --verbose up --build", "--debug compose -f a.yml -p x up --build"],
  ["-H tcp://x:1 --tls -f=a ps", "-H tcp://x:1 --tls compose -f=a ps"],
  ["--skip-hostname-check --no-ansi run -f x", "compose --no-ansi run -f x"],
  ["--project-name x -c ctx logs", "-c ctx compose --project-name x logs"],
  ["-v", "compose -v"],
])("docker-compose %s is docker %s", (words, expected) => {
  expect(wordsOfDockerCompose(words.split(" ")).join(" ")).toBe(expected);
});

describe("flags before the command", () => {
  const values = {
    file: [],
    profile: [],
    "env-file": [],
    parallel: -1,
    ansi: "auto",
    progress: "auto",
  } as never;
  test("fall back to variables", () => {
    const options = composeOptions(values, () => false, {
      COMPOSE_ANSI: "never",
      COMPOSE_PARALLEL_LIMIT: "3",
      COMPOSE_COMPATIBILITY: "true",
    });
    expect(options).toMatchObject({ ansi: "never", parallel: 3, compatibility: true });
    expect(() => composeOptions(values, () => false, { COMPOSE_ANSI: "red" })).toThrow(
      "unsupported --ansi value",
    );
    expect(() => composeOptions(values, () => false, { COMPOSE_PARALLEL_LIMIT: "x" })).toThrow(
      "must be an integer",
    );
  });

  test("unknown flags and commands end with 16, as Compose's do", async () => {
    expect(await berth(["compose", "--nope"])).toMatchObject({
      status: 16,
      err: expect.stringContaining("unknown flag: --nope"),
    });
    expect(await berth(["compose", "nope"])).toMatchObject({
      status: 16,
      err: 'unknown docker command: "compose nope"\n',
    });
  });
});

test("version", async () => {
  expect((await berth(["compose", "version"])).out).toBe("Docker Compose version v2.26.1\n");
  expect((await berth(["compose", "--version"])).out).toBe("Docker Compose version v2.26.1\n");
  expect((await berth(["compose", "version", "--short"])).out).toBe("2.26.1\n");
});

describe("config", () => {
  const folder = mkdtempSync(join(tmpdir(), "berth-compose-cli-"));
  const file = join(folder, "compose.yaml");
  const config = (text: string, ...flags: string[]) => {
    writeFileSync(file, text);
    return berth(["compose", "-f", file, "-p", "x", "config", ...flags], { TAG: "1" });
  };

  test("prints the model, dollars doubled", async () => {
    const text = "services: {b: {image: 'b:${TAG}', command: 'a $$b'}, a: {image: a, profiles: [p]}}";
    expect((await config(text)).out).toBe(
      "name: x\nservices:\n  b:\n    command:\n      - a\n      - $$b\n    image: b:1\n    networks:\n      default: null\nnetworks:\n  default:\n    name: x_default\n",
    );
    expect((await config(text, "--services")).out).toBe("b\n");
    expect((await config(text, "--profiles")).out).toBe("p\n");
    expect((await config(text, "--images")).out).toBe("b:1\n");
    expect((await config(text, "-q")).out).toBe("");
    expect((await config(text, "--no-interpolate")).out).toContain("image: b:${TAG}\n");
    expect((await config(text, "--variables")).out).toContain("TAG                 false");
    expect(JSON.parse((await config(text, "--format", "json")).out).services.b.command).toEqual(["a", "$$b"]);
  });

  test("ends with Compose's status and says what was meant", async () => {
    expect(await config("services: {a: {image: a, prots: []}}")).toEqual({
      status: 15,
      out: "",
      err: `validating ${file}: services.a Additional property prots is not allowed\nDid you mean ports?\n`,
    });
    expect((await berth(["compose", "-f", join(folder, "nope"), "config"])).status).toBe(14);
    expect(await config("services: {a: {image: 'a$NOPE', foo: 1}}")).toMatchObject({
      status: 15,
      err: expect.stringContaining(
        'time="T" level=warning msg="The \\"NOPE\\" variable is not set. Defaulting to a blank string."\n',
      ),
    });
    rmSync(folder, { recursive: true });
  });
});
