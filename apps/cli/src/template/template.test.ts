import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inputOf } from "../io/stdin.ts";
import { run } from "../run.ts";
import { memoryOutput } from "../testing/memory-output.ts";
import { type Recorder, startRecorder } from "../testing/recorder.ts";
import { TEMPLATES } from "./golden-cases.ts";
import { execute, mapsFromJson, parse, Struct, structsFromJson, TemplateError } from "./index.ts";

type Golden = Record<string, { stdout: string; stderr: string; exitCode: number }>;
const read = (name: string) => readFileSync(join(import.meta.dir, name), "utf8");
const golden = JSON.parse(read("golden.json")) as Golden;
const document = read("fixtures/container.json");

let folder: string;
let recorder: Recorder;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "berth-template-"));
  recorder = await startRecorder(join(folder, "d.sock"), "1.51", {
    "/containers/c/json": JSON.parse(document),
  });
});
afterAll(async () => {
  await recorder[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

describe("inspect --format, as Docker's command line", () => {
  test.each(TEMPLATES)("%s", async (template) => {
    const [stdout, stderr] = [memoryOutput(1), memoryOutput(2)];
    const exitCode = await run({
      program: "docker",
      argv: ["container", "inspect", "--format", template, "c"],
      stdin: inputOf([]),
      stdout,
      stderr,
      environment: { HOME: folder, DOCKER_HOST: `unix://${folder}/d.sock` },
      isTerminal: () => false,
    });
    expect({ stdout: stdout.text(), stderr: stderr.text(), exitCode }).toEqual(golden[template]!);
  });
});

describe("template", () => {
  const on = (template: string, data: unknown) => execute(parse(template), data);

  test("methods are called with what follows, and only when they are named", () => {
    let calls = 0;
    const row = new Struct("row", {
      Plain: () => {
        calls++;
        return "p";
      },
      Label: (name: string) => `<${name}>`,
    });
    expect(on('{{.Label "x"}} {{"y" | .Label}} {{.Label "z" | upper}}', row)).toBe("<x> <y> <Z>");
    expect(calls).toBe(0);
    expect(on("{{.Plain}}", row)).toBe("p");
    expect(() => on("{{.Label}}", row)).toThrow("wrong number of args for Label: want 1 got 0");
    expect(() => on("{{.Nope}}", row)).toThrow("can't evaluate field Nope in type row");
  });

  test("whole numbers beyond 2^53 keep their digits", () => {
    const json = '{"Limit":9223372036854771712,"Small":12}';
    for (const data of [mapsFromJson(json), structsFromJson(json, "t")]) {
      expect(on("{{.Limit}} {{json .Limit}} {{.Small}} {{eq .Limit .Small}}", data)).toBe(
        "9223372036854771712 9223372036854771712 12 false",
      );
    }
  });

  test("JavaScript's own properties are no fields", () => {
    const maps = mapsFromJson('{"a":{}}');
    for (const name of ["constructor", "__proto__", "size", "get", "toString"]) {
      expect(on(`{{.${name}}} {{.a.${name}}}`, maps)).toBe("<no value> <no value>");
      expect(() => on(`{{.${name}}}`, new Struct("t", {}))).toThrow("can't evaluate field");
    }
  });

  test("what would take for ever is stopped", () => {
    expect(() => on("{{range 100000000}}{{end}}", null)).toThrow("too many steps");
    expect(() => on('{{define "a"}}{{template "a"}}{{end}}{{template "a"}}', null)).toThrow(
      "exceeded maximum template depth",
    );
    expect(() => parse("(".repeat(10) + "{{".concat("(".repeat(5000)))).toThrow(TemplateError);
    expect(on('{{printf "%999999999d" 1}}', null)).toBe("%!(BADWIDTH)1");
  });

  test("garbage is refused with a TemplateError, or does something", () => {
    const data = structsFromJson(document, "t");
    const pieces = [
      "{{",
      "}}",
      "{{-",
      "-}}",
      ".",
      ".State",
      ".Config",
      ".Env",
      "$x",
      ":=",
      "=",
      "|",
      "(",
      ")",
      '"',
      "'",
      "`",
      "range",
      "if",
      "else",
      "end",
      "with",
      "index",
      "len",
      "eq",
      "1",
      "-2",
      "0x",
      "1e9",
      "nil",
      "true",
      "printf",
      '"%v"',
      "json",
      ",",
      " ",
      "\n",
      "/*",
      "*/",
      "define",
      '"t"',
      "template",
      "block",
      "break",
      "é",
      "\0",
      "slice",
      "and",
      "or",
    ];
    let seed = 1;
    const random = (limit: number) => {
      seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
      return (seed >> 8) % limit;
    };
    for (let round = 0; round < 20_000; round++) {
      let source = "";
      for (let length = random(14) + 1; length > 0; length--)
        source += pieces[random(pieces.length)]! + (random(3) ? " " : "");
      if (random(2)) source = `{{${source}}}`;
      try {
        execute(parse(source), data);
      } catch (error) {
        if (!(error instanceof TemplateError)) throw new Error(`${JSON.stringify(source)}: ${String(error)}`);
      }
    }
  });
});
