import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Context } from "../context.ts";
import { createContext } from "../create-context.ts";
import { parseFlags } from "../flags/parse.ts";
import { GLOBAL_FLAGS } from "../global-flags.ts";
import { inputOf } from "../io/stdin.ts";
import { run } from "../run.ts";
import { memoryOutput } from "../testing/memory-output.ts";
import { startRecorder } from "../testing/recorder.ts";
import { contextId } from "./context-store.ts";
import { findEndpoint } from "./endpoint.ts";

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "berth-endpoint-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function store(name: string, host: string) {
  const folder = join(home, "contexts/meta", contextId(name));
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, "meta.json"),
    JSON.stringify({ Name: name, Metadata: {}, Endpoints: { docker: { Host: host, SkipTLSVerify: false } } }),
  );
}

function contextFor(argv: string[], environment: Record<string, string>, program = "berth"): Context {
  const invocation = {
    program,
    argv,
    stdin: inputOf([]),
    stdout: memoryOutput(1),
    stderr: memoryOutput(2),
    environment: { HOME: home, DOCKER_CONFIG: home, ...environment },
  };
  return createContext(invocation, "ps", parseFlags(GLOBAL_FLAGS, argv, false));
}
const find = (argv: string[], environment: Record<string, string> = {}, program?: string) =>
  findEndpoint(contextFor(argv, environment, program));

describe("which daemon", () => {
  test("flag, then DOCKER_HOST, then context, then BERTH_HOST, then the sockets", async () => {
    store("far", "tcp://far:1");
    store("near", "tcp://near:2");
    const all = { DOCKER_HOST: "tcp://env:1", DOCKER_CONTEXT: "far", BERTH_HOST: "tcp://berth:1" };
    expect(await find(["-H", "tcp://flag:1"], all)).toEqual({ context: "default", host: "tcp://flag:1" });
    expect(await find(["--context", "near"], all)).toEqual({ context: "near", host: "tcp://near:2" });
    expect(await find([], all)).toEqual({ context: "default", host: "tcp://env:1" });
    expect(await find([], { ...all, DOCKER_HOST: "" })).toEqual({ context: "far", host: "tcp://far:1" });
    expect(await find([], { BERTH_HOST: "tcp://berth:1" })).toEqual({
      context: "default",
      host: "tcp://berth:1",
    });
    expect(await find([])).toEqual({
      context: "default",
      host: "unix:///run/berth/berth.sock",
      fallback: "unix:///var/run/docker.sock",
    });
    expect(await find([], {}, "docker")).toEqual({
      context: "default",
      host: "unix:///var/run/docker.sock",
      fallback: "unix:///run/berth/berth.sock",
    });
    writeFileSync(join(home, "config.json"), JSON.stringify({ currentContext: "near" }));
    expect(await find([])).toEqual({ context: "near", host: "tcp://near:2" });
  });

  test("contradictions and unknown contexts are refused", async () => {
    await expect(find(["-H", "x", "-c", "y"])).rejects.toThrow(
      "conflicting options: either specify --host or --context",
    );
    await expect(find(["-H", "x", "-H", "y"])).rejects.toThrow("Specify only one -H");
    await expect(find(["-c", "nope"])).rejects.toThrow('context "nope": context not found: open ');
  });
});

describe("when it cannot be used", () => {
  const attempt = async (program: string, argv: string[]) => {
    const [stdout, stderr] = [memoryOutput(1), memoryOutput(2)];
    const environment = { HOME: home, DOCKER_CONFIG: home };
    const exitCode = await run({ program, argv, stdin: inputOf([]), stdout, stderr, environment });
    return { exitCode, stderr: stderr.text() };
  };

  test("nobody listens", async () => {
    const host = `unix://${home}/none.sock`;
    expect(await attempt("docker", ["-H", host, "ps"])).toEqual({
      exitCode: 1,
      stderr: `Cannot connect to the Docker daemon at ${host}. Is the docker daemon running?\n`,
    });
    expect(await attempt("berth", ["-H", host, "ps"])).toEqual({
      exitCode: 1,
      stderr: `Cannot connect to the Berth daemon at ${host}. Is the berth daemon running?\nTo start it, as root: berth daemon\n`,
    });
    expect((await attempt("berth", ["-H", host, "run", "x"])).exitCode).toBe(125);
  });

  test("the address is no address", async () => {
    expect(await attempt("docker", ["-H", "bogus://x", "ps"])).toEqual({
      exitCode: 1,
      stderr:
        "Failed to initialize: unable to resolve docker endpoint: invalid bind address format: bogus://x\n",
    });
  });

  test("a broken config.json is told and passed over", async () => {
    writeFileSync(join(home, "config.json"), "{nonsense");
    await using _recorder = await startRecorder(join(home, "d.sock"), "1.51");
    const { exitCode, stderr } = await attempt("berth", ["-H", `unix://${home}/d.sock`, "ps"]);
    expect(exitCode).toBe(0);
    expect(stderr).toStartWith(`WARNING: Error parsing config file (${home}/config.json)`);
  });

  test("psFormat of config.json is honoured", async () => {
    writeFileSync(join(home, "config.json"), JSON.stringify({ psFormat: "{{.Names}}!" }));
    await using recorder = await startRecorder(join(home, "d.sock"), "1.51", {
      "/containers/json": [
        { Id: "1", Names: ["/a"], Image: "i", Command: "c", Created: 0, State: "running", Status: "Up" },
      ],
    });
    const stdout = memoryOutput(1);
    await run({
      program: "berth",
      argv: ["-H", `unix://${home}/d.sock`, "ps"],
      stdin: inputOf([]),
      stdout,
      stderr: memoryOutput(2),
      environment: { DOCKER_CONFIG: home },
    });
    expect(stdout.text()).toBe("a!\n");
    expect(recorder.requests).toHaveLength(1);
  });
});
