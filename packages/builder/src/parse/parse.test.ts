import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { DockerfileError, formatExcerpt, rangesOf } from "./error.ts";
import { decodeDockerfile, parseDockerfile } from "./parse.ts";
import { printDockerfile, printTree } from "./print.ts";
import { MAX_DOCKERFILE_BYTES } from "./statement.ts";

const tree = (text: string) => printTree(parseDockerfile(text));
const failure = (text: string): DockerfileError => {
  try {
    parseDockerfile(text);
  } catch (error) {
    if (error instanceof DockerfileError) return error;
    throw error;
  }
  throw new Error("no failure");
};

/** Written by hand, checked against BuildKit's parser. */
const GOLDENS: readonly [name: string, file: string, tree: string][] = [
  ["case and white space", "  from  a   AS b \nRUN\t\ttrue\n", '(from "a" "AS" "b")\n(run "true")\n'],
  ["continuation", "FROM a\nRUN x \\\n  y\\  \n z\n", '(from "a")\n(run "x   y z")\n'],
  ["an escaped escape does not continue", "FROM a\nRUN x \\\\\n", '(from "a")\n(run "x \\\\\\\\")\n'],
  ["comments inside", "FROM a\nRUN x \\\n# no\n  # no\n  y\n", '(from "a")\n(run "x   y")\n'],
  ["empty lines inside", "FROM a\nRUN x \\\n\n\n  y\n", '(from "a")\n(run "x   y")\n'],
  ["carriage returns", "FROM a\r\nRUN x \\\r\n  y\r\n", '(from "a")\n(run "x   y")\n'],
  ["byte order mark", "\uFEFFFROM a\n", '(from "a")\n'],
  ["another escape", "# escape=`\nFROM a\nRUN x `\n  y\\\n", '(from "a")\n(run "x   y\\\\")\n'],
  ["JSON", 'FROM a\nCMD ["x", "y z"]\nRUN [ "a" ] # b\n', '(from "a")\n(cmd "x" "y z")\n(run "a")\n'],
  ["what is no JSON", "FROM a\nCMD ['x']\nRUN [ -f x ]\n", `(from "a")\n(cmd "['x']")\n(run "[ -f x ]")\n`],
  [
    "ENV",
    'FROM a\nENV a b c\nENV a=b "c d"=e\\ f\n',
    '(from "a")\n(env "a" "b c")\n(env "a" "b" "\\"c d\\"" "e\\\\ f")\n',
  ],
  [
    "flags",
    'FROM --platform=x a\nCOPY --chown="a b" --link x y\nRUN -- --x\n',
    '(from ["--platform=x"] "a")\n(copy ["--chown=a b" "--link"] "x" "y")\n(run "--x")\n',
  ],
  ["ONBUILD", "FROM a\nONBUILD RUN x y\n", '(from "a")\n(onbuild (run "x y"))\n'],
  [
    "HEALTHCHECK",
    'FROM a\nHEALTHCHECK --retries=1 CMD a b\nHEALTHCHECK CMD ["a","b"]\nHEALTHCHECK NONE\n',
    '(from "a")\n(healthcheck ["--retries=1"] "CMD" "a b")\n(healthcheck "CMD" "a" "b")\n(healthcheck "NONE")\n',
  ],
  ["an unknown word", "FROM a\nFOO bar\n", '(from "a")\n(foo "")\n'],
  ["heredocs", "FROM a\nRUN <<EOF\nx\nEOF\nCMD y\n", '(from "a")\n(run "<<EOF")\n(cmd "y")\n'],
];

describe("the tree", () => {
  for (const [name, file, expected] of GOLDENS) test(name, () => expect(tree(file)).toBe(expected));

  const corpus = "/work/shared/corpus/dockerfiles";
  test.skipIf(!existsSync(corpus))("of real files is BuildKit's", () => {
    const names = readdirSync(corpus).filter((name) => !name.endsWith(".ast"));
    expect(names.length).toBeGreaterThan(200);
    for (const name of names) {
      const found = tree(readFileSync(`${corpus}/${name}`, "utf8"));
      expect(`${name}\n${found}`.trim()).toBe(
        `${name}\n${readFileSync(`${corpus}/${name}.ast`, "utf8")}`.trim(),
      );
      const again = printDockerfile(parseDockerfile(readFileSync(`${corpus}/${name}`, "utf8")));
      expect(tree(again)).toBe(found);
      expect(printDockerfile(parseDockerfile(again))).toBe(again);
    }
  });

  test("survives printing", () => {
    for (const [, file, expected] of GOLDENS)
      expect(tree(printDockerfile(parseDockerfile(file)))).toBe(expected);
  });
});

describe("heredocs", () => {
  const heredocs = (text: string) => parseDockerfile(`FROM a\n${text}`).statements[1]!.heredocs;

  test("several, with quotes, tabs and file descriptors", () => {
    const found = heredocs(`COPY <<A <<-'B' 3<<"C" /x\na $v\nA\n\tb\n\tB\nc\nC\n`);
    expect(found).toEqual([
      { name: "A", expand: true, chomp: false, fileDescriptor: 0, content: "a $v\n" },
      { name: "B", expand: false, chomp: true, fileDescriptor: 0, content: "\tb\n" },
      { name: "C", expand: false, chomp: false, fileDescriptor: 3, content: "c\n" },
    ]);
  });
  test("blanks before the word", () => expect(heredocs("RUN cat <<  EOF\nx\nEOF\n")).toHaveLength(1));
  test("only where they have a meaning", () => {
    expect(heredocs("CMD cat <<EOF\n")).toEqual([]);
    expect(heredocs('RUN ["cat", "<<EOF"]\n')).toEqual([]);
    expect(heredocs("RUN echo '<<EOF' \"<<EOF\"\n")).toEqual([]);
    expect(heredocs("RUN cat <<<EOF\n")).toEqual([]);
    expect(heredocs("RUN echo $((1<<2))\n")).toEqual([]);
  });
  test("of ONBUILD", () => expect(heredocs("ONBUILD RUN <<EOF\nx\nEOF\n")).toHaveLength(1));
  test("what looks like an instruction or a comment is content", () => {
    expect(heredocs("RUN <<EOF\n# x\nFROM y\n\nEOF\n")[0]!.content).toBe("# x\nFROM y\n\n");
  });
  test("without an end", () => {
    const error = failure("FROM a\nRUN <<EOF\nx\n");
    expect(error.message).toBe("unterminated heredoc");
    expect(rangesOf(error)).toEqual([{ start: 2, end: 3 }]);
  });
});

test("directives", () => {
  const file = parseDockerfile(
    "# Syntax = docker/dockerfile:1\n# check=skip=A,B;error=true\n# x\n# escape=`\nFROM a\n",
  );
  expect(file.syntax).toBe("docker/dockerfile:1");
  expect(file.escapeToken).toBe("\\");
  expect(file.lint).toMatchObject({ skip: ["A", "B"], error: true, skipAll: false });
  expect(failure("# escape=x\nFROM a").message).toBe("invalid escape token 'x' does not match ` or \\");
  expect(failure("# syntax=a\n# syntax=b\nFROM a").message).toBe(
    "only one syntax parser directive can be used",
  );
});

test("lines of instructions, and what stands above them", () => {
  const { statements, emptyContinuations } = parseDockerfile("\n# a\n# b\nFROM x\nRUN a \\\n\n  b\n");
  expect(statements.map((each) => each.range)).toEqual([
    { start: 4, end: 4 },
    { start: 5, end: 7 },
  ]);
  expect(statements[0]!.comments).toEqual(["a", "b"]);
  expect(emptyContinuations).toEqual([{ start: 7, end: 7 }]);
});

describe("refused", () => {
  test("nothing at all", () => expect(failure("# x\n").message).toBe("file with no instructions"));
  test("ENV without value", () => expect(failure("ENV x").message).toBe("ENV must have two arguments"));
  test("LABEL with a word that is no pair", () =>
    expect(failure("LABEL a=b c").message).toBe(
      `Syntax error - can't find = in "c". Must be of the form: name=value`,
    ));
  test("JSON with numbers", () =>
    expect(failure("CMD [1]").message).toBe(
      "when using JSON array syntax, arrays must be comprised of strings only",
    ));
  test("too much", () => {
    expect(() => decodeDockerfile(new Uint8Array(MAX_DOCKERFILE_BYTES + 1))).toThrow("larger than");
    expect(failure("RUN x\n".repeat(10_001)).message).toContain("more than 10000 instructions");
    expect(failure(`${"ONBUILD ".repeat(1000)}RUN x`).message).toContain("ONBUILD ONBUILD");
  });
});

test("an error shows its lines", () => {
  expect(formatExcerpt("FROM a\nRUN x \\\n  y\nCMD z", [{ start: 2, end: 3 }], "Dockerfile")).toBe(
    [
      "Dockerfile:2",
      "--------------------",
      "   1 |     FROM a",
      "   2 | >>> RUN x \\",
      "   3 | >>>   y",
      "   4 |     CMD z",
      "--------------------",
      "",
    ].join("\n"),
  );
  expect(formatExcerpt("FROM a", [{ start: 7, end: 9 }], "Dockerfile")).toBe("");
});
