// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are variables of Dockerfiles.
import { describe, expect, test } from "bun:test";
import type { ContainerConfig } from "@berth/api";
import { BerthError } from "@berth/base";
import { toContainerConfig } from "../config.ts";
import { applyChanges } from "./apply.ts";
import { mergeForCommit } from "./merge.ts";

const change = (...changes: string[]) => applyChanges<Partial<ContainerConfig>>({}, changes);
const sh = (text: string) => ["/bin/sh", "-c", text];

// Each pair was taken from `docker import -c` of Docker 20.10.24.
describe("instructions", () => {
  const cases: [string, Partial<ContainerConfig>][] = [
    ['CMD echo $HOME "a b"', { Cmd: sh('echo $HOME "a b"') }],
    ['CMD ["a","b"]', { Cmd: ["a", "b"] }],
    ["CMD []", { Cmd: [] }],
    ["CMD", { Cmd: ["/bin/sh", "-c"] }],
    ['CMD ["a"', { Cmd: sh('["a"') }],
    ["cmd a \\\n  b", { Cmd: sh("a   b") }],
    ["ENTRYPOINT []", { Entrypoint: null, Cmd: null }],
    ['ENTRYPOINT ["x"]', { Entrypoint: ["x"], Cmd: null }],
    ["ENV a b  c", { Env: ["a=b  c"] }],
    ['ENV PATH=$PATH:/x A="b c" C=${PATH:-z}', { Env: ["PATH=:/x", "A=b c", "C=z"] }],
    [
      "EXPOSE 80 81/udp 90-92",
      { ExposedPorts: { "80/tcp": {}, "81/udp": {}, "90/tcp": {}, "91/tcp": {}, "92/tcp": {} } },
    ],
    ['LABEL a=b "c d"=e', { Labels: { a: "b", "c d": "e" } }],
    ["LABEL a b", { Labels: { a: "b" } }],
    ["LABEL 'x y'='z'", { Labels: { "x y": "z" } }],
    ["LABEL a=$PATH b='$PATH'", { Labels: { a: "", b: "$PATH" } }],
    ["USER a b", { User: "a b" }],
    ["USER $X", { User: "" }],
    ["WORKDIR x", { WorkingDir: "/x" }],
    ["WORKDIR /x/../y/", { WorkingDir: "/x/../y/" }],
    ["VOLUME /a /b", { Volumes: { "/a": {}, "/b": {} } }],
    ['VOLUME ["/a","/b c"]', { Volumes: { "/a": {}, "/b c": {} } }],
    ["ONBUILD RUN x", { OnBuild: ["RUN x"] }],
    ["HEALTHCHECK NONE", { Healthcheck: { Test: ["NONE"] } }],
    ['HEALTHCHECK CMD ["a"]', { Healthcheck: { Test: ["CMD", "a"] } }],
    [
      "HEALTHCHECK --interval=5s --retries=2 CMD curl x",
      { Healthcheck: { Test: ["CMD-SHELL", "curl x"], Interval: 5e9, Retries: 2 } },
    ],
    ["# only a comment", {}],
    ["STOPSIGNAL SIGTERM", { StopSignal: "SIGTERM" }],
  ];
  test.each(cases)("%s", (text, expected) => {
    expect(change(text)).toEqual(expected);
  });

  const refused: [string, string][] = [
    ["RUN x", "run is not a valid change command"],
    ["FOO x", "foo is not a valid change command"],
    ["ENV a", "ENV must have two arguments"],
    ["ENV =x", "ENV names can not be blank"],
    [
      'ENV a="x',
      'failed to process "\\"x": unexpected end of statement while looking for matching double-quote',
    ],
    ["ENV d=${a", `failed to process "\${a": missing ':' in substitution`],
    ["EXPOSE x", "Invalid containerPort: x"],
    ["EXPOSE 99999", "Invalid containerPort: 99999"],
    ["EXPOSE 80/foo", "Invalid proto: foo"],
    ["LABEL a", "LABEL must have two arguments"],
    ["USER", "USER requires exactly one argument"],
    ['WORKDIR ""', "cannot normalize nothing"],
    ["VOLUME", "VOLUME requires at least one argument"],
    ['VOLUME [""]', "VOLUME specified can not be an empty string"],
    ["ONBUILD FROM x", "FROM isn't allowed as an ONBUILD trigger"],
    ["ONBUILD ONBUILD RUN x", "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"],
    ["HEALTHCHECK --interval=5 CMD x", 'time: missing unit in duration "5"'],
    ["HEALTHCHECK foo", 'Unknown type "FOO" in HEALTHCHECK (try CMD)'],
    ["HEALTHCHECK --bad=1 CMD x", "Unknown flag: bad"],
    ["healthcheck NONE x", "HEALTHCHECK NONE takes no arguments"],
    ["HEALTHCHECK --retries=-1 CMD x", "--retries must be at least 1 (not -1)"],
    ["HEALTHCHECK --interval=1us CMD x", 'Interval "interval" cannot be less than 1ms'],
    ["HEALTHCHECK CMD", "Missing command after HEALTHCHECK CMD"],
    ["STOPSIGNAL nope", "Invalid signal: nope"],
  ];
  test.each(refused)("refuses %s", (text, message) => {
    expect(() => change(text)).toThrow(expect.objectContaining({ message, kind: "invalid-parameter" }));
  });

  test("one after the other, with the variables so far", () => {
    expect(
      change("ENV A=1", "ENV A=${A}2 B=$A", "WORKDIR /w", "WORKDIR $B", "LABEL x=${B:+set} y=${C:-none}"),
    ).toEqual({
      Env: ["A=12", "B=1"],
      WorkingDir: "/w/1",
      Labels: { x: "set", y: "none" },
    });
    expect(change("CMD a", "ENTRYPOINT b").Cmd).toEqual(sh("a"));
    expect(applyChanges({ Cmd: ["old"] }, ["ENTRYPOINT b"]).Cmd).toBeNull();
    expect(applyChanges<Partial<ContainerConfig>>({ Shell: ["/bin/ash", "-e"] }, ["CMD x"]).Cmd).toEqual([
      "/bin/ash",
      "-e",
      "x",
    ]);
  });

  test("the configuration that it starts from stays", () => {
    const config = { Env: ["A=1"], Labels: { a: "b" } };
    applyChanges(config, ["ENV A=2 C=3", "LABEL a=c"]);
    expect(config).toEqual({ Env: ["A=1"], Labels: { a: "b" } });
  });

  test("junk gives a result or a BerthError", () => {
    const parts = [
      "ENV ",
      "LABEL ",
      "HEALTHCHECK ",
      "EXPOSE ",
      "VOLUME ",
      "$",
      "${",
      "}",
      '"',
      "'",
      "\\",
      "=",
      " ",
      "a",
      ":-",
      "\n",
      "--interval=",
      "5s",
      "[",
      "]",
      "CMD ",
    ];
    let state = 7;
    const next = (n: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return (state >>> 8) % n;
    };
    for (let round = 0; round < 20_000; round++) {
      const text = Array.from({ length: 1 + next(8) }, () => parts[next(parts.length)]).join("");
      try {
        change(text);
      } catch (error) {
        if (!(error instanceof BerthError)) throw new Error(`${JSON.stringify(text)}: ${error}`);
      }
    }
  });
});

test("what commit makes of the request's and the container's configuration", () => {
  const container = toContainerConfig({
    Env: ["A=1", "B=2"],
    Cmd: ["sh"],
    Entrypoint: ["/e"],
    Labels: { a: "1", b: "2" },
    User: "u",
    ExposedPorts: { "80/tcp": {} },
    Volumes: { "/v": {} },
    Healthcheck: { Test: ["CMD", "x"], Interval: 5, Retries: 3 },
  });
  expect(mergeForCommit(toContainerConfig({}), container)).toEqual(container);
  const merged = mergeForCommit(
    toContainerConfig({
      Env: ["B=3", "C=4"],
      Cmd: ["new"],
      Labels: { b: "3" },
      ExposedPorts: { "81/tcp": {} },
      Healthcheck: { Interval: 7 },
    }),
    container,
  );
  expect(merged).toMatchObject({
    Env: ["B=3", "C=4", "A=1"],
    Cmd: ["new"],
    Entrypoint: ["/e"],
    Labels: { a: "1", b: "3" },
    User: "u",
    ExposedPorts: { "80/tcp": {}, "81/tcp": {} },
    Healthcheck: { Test: ["CMD", "x"], Interval: 7, Retries: 3 },
  });
  expect(mergeForCommit(toContainerConfig({ Entrypoint: ["/n"] }), container)).toMatchObject({
    Entrypoint: ["/n"],
    Cmd: null,
  });
});
