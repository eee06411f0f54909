import { describe, expect, test } from "bun:test";
import { buildGraph, lintDockerfile } from "../graph/build.ts";
import { setup } from "../graph/fake-images.ts";
import type { GraphOptions } from "../graph/options.ts";
import { rangesOf } from "../parse/error.ts";

const failure = async (text: string) => {
  try {
    await buildGraph(text, setup().options);
  } catch (error) {
    return { message: (error as Error).message, lines: rangesOf(error).map((range) => range.start) };
  }
  throw new Error("no failure");
};

describe("the checks", () => {
  const findings = async (text: string, more: Partial<GraphOptions> = {}) =>
    (await lintDockerfile(text, setup(more).options)).warnings.map(
      (warning) => `${warning.location?.start} ${warning.rule}: ${warning.detail}`,
    );
  const cases: readonly [text: string, ...findings: string[]][] = [
    ["FROM base AS Build", "1 StageNameCasing: Stage name 'Build' should be lowercase"],
    ["FROM base as b", "1 FromAsCasing: 'as' and 'FROM' keywords' casing do not match"],
    ["FROM base\nRUN a \\\n\n b", "4 NoEmptyContinuation: Empty continuation line"],
    [
      "FROM base\nrun a\nRUN b",
      "2 ConsistentInstructionCasing: Command 'run' should match the case of the command majority (uppercase)",
    ],
    [
      "FROM base AS x\nFROM base AS x",
      '2 DuplicateStageName: Duplicate stage name "x", stage names should be unique',
    ],
    [
      "FROM base AS scratch",
      '1 ReservedStageName: Stage name should not use the same name as reserved stage "scratch"',
    ],
    [
      "FROM base\nCMD x",
      "2 JSONArgsRecommended: JSON arguments recommended for CMD to prevent unintended behavior related to OS signals",
    ],
    [
      "FROM base\nMAINTAINER x",
      "2 MaintainerDeprecated: Maintainer instruction is deprecated in favor of using label",
    ],
    [
      "ARG VERSION=1\nFROM other:${VERSIO:-1}",
      "2 UndefinedArgInFrom: FROM argument 'VERSIO' is not declared (did you mean VERSION?)",
    ],
    [
      "FROM base\nWORKDIR a\nWORKDIR b",
      '2 WorkdirRelativePath: Relative workdir "a" can have unexpected results if the base image changes',
    ],
    ["FROM base\nCOPY $PAHT x", "2 UndefinedVar: Usage of undefined variable '$PAHT' (did you mean $PATH?)"],
    [
      'FROM base\nENTRYPOINT ["a"]\nENTRYPOINT ["b"]',
      "2 MultipleInstructionsDisallowed: Multiple ENTRYPOINT instructions should not be used in the same stage because only the last one will be used",
    ],
    [
      "FROM base\nENV a b",
      '2 LegacyKeyValueFormat: "ENV key=value" should be used instead of legacy "ENV key value" format',
    ],
    [
      "FROM --platform=$TARGETPLATFORM base",
      "1 RedundantTargetPlatform: Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior",
    ],
    [
      "FROM base\nENV MY_TOKEN=x TOKEN_FILE=y",
      '2 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ENV "MY_TOKEN")',
    ],
    [
      "ARG T\nFROM base:$T",
      "2 InvalidDefaultArgInFrom: Default value for ARG base:$T results in empty or invalid base image name",
    ],
    [
      "FROM --platform=linux/amd64 base",
      '1 FromPlatformFlagConstDisallowed: FROM --platform flag should not use constant value "linux/amd64"',
    ],
    [
      "FROM base\nEXPOSE 80/TCP",
      "2 ExposeProtoCasing: Defined protocol '80/TCP' in EXPOSE instruction should be lowercase",
    ],
    [
      "FROM base\nEXPOSE 127.0.0.1:80:80",
      "2 ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port mapping, found '127.0.0.1:80:80'",
    ],
    [
      "# check=experimental=all\n# a stage\nFROM base AS b\n",
      "3 InvalidDefinitionDescription: Comment for build stage should follow the format: `# b <description>`",
    ],
    ["# b a stage\nFROM base AS b\n"],
    ["# check=skip=JSONArgsRecommended,MaintainerDeprecated\nFROM base\nCMD x\nMAINTAINER y"],
    ["# check=skip=all\nFROM base\nCMD x"],
    ["FROM base\n# check=skip=JSONArgsRecommended\nCMD x"],
    ['FROM base\nSHELL ["a"]\nCMD x'],
    ["FROM base\nARG A\nCOPY $A x"],
  ];
  for (const [text, ...expected] of cases) {
    test(text.replaceAll("\n", " / "), async () => expect(await findings(text)).toEqual(expected));
  }
  test("a file that .dockerignore keeps away", async () => {
    const excludes = { context: ["secret", "*.o"] };
    expect(await findings("FROM base\nCOPY secret/x a.c /\nADD b.o /\n", { excludes })).toEqual([
      '2 CopyIgnoredFile: Attempting to Copy file "secret/x" that is excluded by .dockerignore',
      '3 CopyIgnoredFile: Attempting to Add file "b.o" that is excluded by .dockerignore',
    ]);
    expect(await findings("FROM base\nCOPY . /\n", { excludes })).toEqual([]);
    expect(await findings("FROM base\nCOPY . /\n", { excludes: { context: ["*"] } })).toHaveLength(1);
  });
  test("error=true fails the build", async () => {
    expect(await failure("# check=error=true\nFROM base\nCMD x")).toEqual({
      message: "lint violation found for rules: JSONArgsRecommended",
      lines: [3],
    });
  });
  test("all stages, and what comes before an error", async () => {
    expect(await findings("FROM base\nCMD x\nFROM scratch\nCMD y\n")).toHaveLength(2);
    const { warnings, error } = await lintDockerfile("FROM base\nMAINTAINER x\nXYZZY\n", setup().options);
    expect(warnings.map((warning) => warning.rule)).toEqual(["MaintainerDeprecated"]);
    expect((error as Error).message).toBe("dockerfile parse error on line 3: unknown instruction: XYZZY");
  });
});
