import { describe, expect, test } from "bun:test";
import { applyFileMode } from "@berth/archive";
import { parseExpose } from "./expose.ts";
import { parseFileMode } from "./file-mode.ts";
import { parseGitRef } from "./git-ref.ts";

describe("git references", () => {
  const cases: readonly [text: string, found: object | undefined][] = [
    ["https://h/a.git", { remote: "https://h/a.git", ref: "", subdir: "" }],
    ["https://h/a.git#v1:sub/dir", { ref: "v1", subdir: "sub/dir" }],
    ["https://h/a.git#:sub", { ref: "", subdir: "sub" }],
    ["git@h:a/b.git#x", { remote: "git@h:a/b.git", ref: "x" }],
    ["ssh://git@h/a#x", { remote: "ssh://git@h/a", ref: "x" }],
    ["git://h/a", { remote: "git://h/a" }],
    ["github.com/a/b#x", { remote: "https://github.com/a/b", ambiguous: true }],
    [
      "https://h/a.git?tag=v1&commit=abc",
      { ref: "refs/tags/v1", checksum: "abc", remote: "https://h/a.git" },
    ],
    ["https://h/a.git?commit=abc", { ref: "abc" }],
    ["https://h/a.tgz", undefined],
    ["./git@h:a", undefined],
    ["a/b", undefined],
    ["a@b", undefined],
  ];
  for (const [text, found] of cases) {
    test(text, () => {
      if (found === undefined) expect(parseGitRef(text)).toBeUndefined();
      else expect(parseGitRef(text)).toMatchObject(found);
    });
  }
  test("refused", () => {
    expect(() => parseGitRef("https://h/a.git?x=1")).toThrow('unexpected query "x"');
    expect(() => parseGitRef("https://h/a.git?tag=1&branch=2")).toThrow("branch conflicts with tag");
    expect(() => parseGitRef("https://h/a.git?ref=")).toThrow('query "ref" has no value');
  });
});

describe("EXPOSE", () => {
  test("ranges", () => expect(parseExpose("80-82/udp")).toEqual(["80/udp", "81/udp", "82/udp"]));
  test("mappings are ignored", () => expect(parseExpose("[::1]:8080:80/SCTP")).toEqual(["80/sctp"]));
  for (const [text, message] of [
    ["x", "invalid containerPort: x"],
    ["80/x", "invalid proto: x"],
    ["/tcp", "no port specified: /tcp<empty>"],
    ["82-80", "invalid containerPort: 82-80"],
    ["65536", "invalid containerPort: 65536"],
    ["x:80:80", "invalid IP address: x"],
    ["1-2:80-82", "invalid ranges specified for container and host Ports: 80-82 and 1-2"],
  ] as const) {
    test(text, () => expect(() => parseExpose(text)).toThrow(message));
  }
});

test("symbolic modes are those of chmod", () => {
  const modes = [
    "u+x",
    "go-rwx",
    "a=rX",
    "u=rwx,g=rx,o=",
    "+x",
    "g=u",
    "o+t",
    "ug+s",
    "u-w+x",
    "a+X",
    "u=g",
    "=",
    "go=",
  ];
  const script = `umask 0; d=$(mktemp -d) && cd $d && for m in "$@"; do for b in 644 755 600 4711; do for k in f d; do
    [ $b$k = 4711d ] && continue # GNU keeps set-id bits of folders.
    if [ $k = f ]; then :>x; else mkdir x; fi; chmod $b x; chmod "$m" x; stat -c %a x; rm -rf x; done; done; done; rm -r $d`;
  const expected = Bun.spawnSync(["sh", "-c", script, "sh", ...modes])
    .stdout.toString()
    .trim()
    .split("\n");
  const found: string[] = [];
  for (const mode of modes) {
    for (const bits of [0o644, 0o755, 0o600, 0o4711]) {
      for (const directory of [false, true]) {
        if (bits === 0o4711 && directory) continue;
        found.push(applyFileMode(parseFileMode(mode), bits, directory).toString(8));
      }
    }
  }
  expect(found).toEqual(expected);
});
